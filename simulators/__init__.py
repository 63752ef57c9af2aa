"""The world: seeded fleets with ground truth, and real journeys, over real MQTT."""
