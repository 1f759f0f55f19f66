import AdapterHost
import ArgumentParser
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import UnixSignals

@main struct AdapterServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter-server",
    abstract: "Serves a base model and its adapters over HTTP.",
    discussion: """
      Examples:
        adapter-server --registry registry.sqlite --port 8080
        adapter-server --model DIR --adapter mine=DIR --host 0.0.0.0 --api-keys keys.txt
        curl localhost:8080/a/debian-section/predict -d '{"inputs": "a library for reading PDF files"}'

      The routes are those of text-embeddings-inference and Hugging Face pipelines (/predict, /embed, ... and the same \
      below /a/NAME), of vLLM (/classify, /score, /rerank, /v1/models), of the Open Inference Protocol v2 \
      (/v2/models/NAME/infer), and /api/predict, which answers as 'adapter-cli predict --json' prints. GET /openapi.json \
      describes them, and a browser finds a page at /.

      Every flag may also be an environment variable, as ADAPTER_SERVER_PORT, or stand in the file of --config; flags \
      come first, then the environment. SIGTERM and SIGINT end the server after the answers in progress.
      """, version: ProgramVersion.current)

  @OptionGroup var arguments: ServerArguments

  func run() async throws {
    let settings = try await arguments.settings()
    var logger = Logger(label: "adapter-server") { label -> any LogHandler in
      if settings.logsJSON { return JSONLogHandler(label: label) }
      return TextLogHandler(label: label)
    }
    logger.logLevel = settings.logLevel
    let log = logger
    let app = try ServerApp(settings, logger: logger)
    let application = app.application { port in
      log.info("ready", metadata: ["host": "\(settings.host)", "port": "\(port)", "model": "\(app.service.base)"])
    }
    var configuration = ServiceGroupConfiguration(
      services: [.init(service: application)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = Duration.seconds(30)
    try await ServiceGroup(configuration: configuration).run()
  }
}
