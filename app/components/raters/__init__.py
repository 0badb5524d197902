"""What leads see of raters: how well they agree, who is how often right, and what was disputed."""
