import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Cancels work when the client that waits for it disconnects.
final class Connections: Sendable {
  private struct State {
    var cancels: [ObjectIdentifier: @Sendable () -> Void] = [:]
    /// Connections whose clients have disconnected, while they still have handlers.
    var gone: Set<ObjectIdentifier> = []
  }

  private let state = Mutex(State())

  /// Runs work for a connection; it is cancelled when the connection closes.
  func whileOpen<Value: Sendable>(
    _ channel: any Channel, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let key = ObjectIdentifier(channel)
    let task = Task { try await body() }
    let isGone = state.withLock { state in
      state.cancels[key] = { task.cancel() }
      return state.gone.contains(key)
    }
    defer { state.withLock { $0.cancels[key] = nil } }
    if isGone || !channel.isActive { task.cancel() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  /// The client of a connection has disconnected.
  func closed(_ channel: any Channel) {
    let cancel = state.withLock { state in
      state.gone.insert(ObjectIdentifier(channel))
      return state.cancels[ObjectIdentifier(channel)]
    }
    cancel?()
  }

  /// The connection has ended.
  func ended(_ channel: any Channel) { _ = state.withLock { $0.gone.remove(ObjectIdentifier(channel)) } }
}

/// Detects disconnects, and closes connections whose first request does not begin in time.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart

  private let connections: Connections
  private let headTimeout: TimeAmount
  private var timer: Scheduled<Void>?

  init(_ connections: Connections, headTimeout: TimeAmount) {
    self.connections = connections
    self.headTimeout = headTimeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: headTimeout) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    connections.ended(context.channel)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    timer?.cancel()
    timer = nil
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    connections.closed(context.channel)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { connections.closed(context.channel) }
    context.fireUserInboundEventTriggered(event)
  }
}
