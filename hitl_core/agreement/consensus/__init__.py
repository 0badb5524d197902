"""Who is right: the label of a task from several raters' votes."""
