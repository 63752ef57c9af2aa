"""SealTrail: watches sealed cargo in transit.

``sealtrail.contract`` is what crosses the wire, ``sealtrail.runtime`` what every
service needs; the services are the packages beside this one.
"""
