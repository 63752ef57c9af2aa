from tests.parts.mosquitto import mosquitto

__all__ = ["mosquitto"]
