"""What leads see: figures over time, costs, and what to do next."""
