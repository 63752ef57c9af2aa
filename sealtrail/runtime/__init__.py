"""What every service needs: settings, the log client, life-cycle, health, metrics."""
