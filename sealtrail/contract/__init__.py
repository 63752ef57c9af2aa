"""What crosses the wire between services: types, subjects, codecs. No I/O."""
