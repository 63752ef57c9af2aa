"""Who is speaking: the registry as the gateway sees it, admission, signatures, logins at the brokers."""
