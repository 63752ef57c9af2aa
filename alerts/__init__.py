"""The voice: alert events become incidents, and those who must know are told, provably."""
