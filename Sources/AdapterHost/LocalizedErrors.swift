public import AdapterMethods
public import AdapterRegistry
public import Checkpoints
public import Deberta
public import Files
public import Foundation
public import Heads
public import Hub
public import Model
public import Tasks
public import Tensors
public import Tokenization
public import Training

// The 'localizedDescription' of an error is its printed message.

extension AdapterUpdateError: LocalizedError { public var errorDescription: String? { description } }
extension AnswerOptionsError: LocalizedError { public var errorDescription: String? { description } }
extension CheckpointError: LocalizedError { public var errorDescription: String? { description } }
extension CompositionError: LocalizedError { public var errorDescription: String? { description } }
extension ConfigurationError: LocalizedError { public var errorDescription: String? { description } }
extension DatasetError: LocalizedError { public var errorDescription: String? { description } }
extension EmbeddingError: LocalizedError { public var errorDescription: String? { description } }
extension EvaluationError: LocalizedError { public var errorDescription: String? { description } }
extension FileError: LocalizedError { public var errorDescription: String? { description } }
extension HeadEvaluationError: LocalizedError { public var errorDescription: String? { description } }
extension HubError: LocalizedError { public var errorDescription: String? { description } }
extension InputError: LocalizedError { public var errorDescription: String? { description } }
extension InputFileError: LocalizedError { public var errorDescription: String? { description } }
extension LabelError: LocalizedError { public var errorDescription: String? { description } }
extension LabelNamesError: LocalizedError { public var errorDescription: String? { description } }
extension MemoryError: LocalizedError { public var errorDescription: String? { description } }
extension ModelError: LocalizedError { public var errorDescription: String? { description } }
extension PredictionError: LocalizedError { public var errorDescription: String? { description } }
extension RegistryError: LocalizedError { public var errorDescription: String? { description } }
extension TargetError: LocalizedError { public var errorDescription: String? { description } }
extension TextSourceError: LocalizedError { public var errorDescription: String? { description } }
extension ThresholdError: LocalizedError { public var errorDescription: String? { description } }
extension TokenizerError: LocalizedError { public var errorDescription: String? { description } }
extension TrainingError: LocalizedError { public var errorDescription: String? { description } }
extension TrainingJobError: LocalizedError { public var errorDescription: String? { description } }
extension TrainingTaskError: LocalizedError { public var errorDescription: String? { description } }
extension UnansweredText: LocalizedError { public var errorDescription: String? { description } }
extension WindowError: LocalizedError { public var errorDescription: String? { description } }
extension WorkspaceError: LocalizedError { public var errorDescription: String? { description } }
extension ZeroShotError: LocalizedError { public var errorDescription: String? { description } }
