// Training code needs the labels, targets and metrics of tasks.
@_exported public import Tasks
