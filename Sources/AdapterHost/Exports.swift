// Users of the library only need to import AdapterHost.
@_exported public import AdapterMethods
@_exported public import AdapterRegistry
@_exported public import Checkpoints
@_exported public import Deberta
@_exported public import Files
@_exported public import Heads
@_exported public import Hub
@_exported public import Model
@_exported public import Tasks
@_exported public import Tensors
@_exported public import Tokenization
@_exported public import Training
