"""How judges run in the product: `loop.judges`, what follows from a verdict, and how a policy's judges are made."""
