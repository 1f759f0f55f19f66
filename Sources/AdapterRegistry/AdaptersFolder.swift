internal import Files
import Foundation

/// The folder of adapters, worked in through its descriptor: whatever a row
/// or a link says, nothing outside it is touched.
struct AdaptersFolder {
  let folder: OpenFolder

  /// Opens it to look at it; nil if it is not there.
  init?(reading place: RegistryPlace) throws(RegistryError) {
    guard FileSystem.kind(of: place.adapters) == .folder else { return nil }
    folder = try onFiles { () throws(FileError) in try OpenFolder(place.adapters) }
  }

  /// Opens it to change it, made if it is missing. A link is refused: what it
  /// leads to belongs to somebody else.
  init(changing place: RegistryPlace) throws(RegistryError) {
    folder = try onFiles { () throws(FileError) in
      try OpenFolder(place.folder).makeFolder(ManagedFolder.home)
    }
  }

  // MARK: Hidden folders

  /// Before the name of a folder on its way in.
  static let incoming = ".incoming-"
  /// Before the name of a folder whose row goes when its files are gone.
  static let outgoing = ".removed-"
  private static let quarantine = ".quarantine"

  // MARK: Changes

  func has(_ managed: ManagedFolder) -> Bool { folder.kind(of: managed.name) != nil }

  /// Removes a folder with everything in it, if it is there.
  func remove(_ managed: ManagedFolder) throws(RegistryError) {
    try onFiles { () throws(FileError) in try folder.remove(managed.name) }
  }

  /// Removes a folder that a stopped import or removal left. Others are not touched.
  func removeHidden(_ name: String) throws(RegistryError) {
    guard name.hasPrefix(Self.incoming) || name.hasPrefix(Self.outgoing) else { return }
    try onFiles { () throws(FileError) in try folder.remove(name) }
  }

  /// Removes a folder before its row is deleted: under another name, which says that it was to go.
  func removeFirst(_ managed: ManagedFolder) throws(RegistryError) {
    let name = Self.outgoing + managed.name
    try onFiles { () throws(FileError) in
      try folder.remove(name)
      try folder.rename(managed.name, to: name)
      try folder.remove(name)
    }
  }

  /// Moves a folder, or a link that has the name of one, out of the way.
  ///
  /// - Returns: where to.
  func quarantine(_ managed: ManagedFolder) throws(RegistryError) -> String {
    try onFiles { () throws(FileError) in
      let home = try folder.makeFolder(Self.quarantine)
      var target = managed.name
      var number = 1
      while home.kind(of: target) != nil {
        number += 1
        target = "\(managed.name)-\(number)"
      }
      try folder.rename(managed.name, to: target, in: home)
      return "\(home.path)/\(target)"
    }
  }

  // MARK: Folders that nobody holds

  /// The entries that belong to no row, those left out that a process is bringing to their place.
  ///
  /// - Parameter known: the names that belong to something.
  /// - Throws: ``RegistryError/busy(path:seconds:)``, if others keep making new ones, so that it stays unknown.
  func leftovers(except known: Set<String>) throws(RegistryError) -> [String] {
    let names = try onFiles { () throws(FileError) in try folder.names() }
    let unknown = names.filter { name in
      let isOurs = !name.hasPrefix(".") || name.hasPrefix(Self.incoming) || name.hasPrefix(Self.outgoing)
      return isOurs && !known.contains(name) && [.folder, .link].contains(folder.kind(of: name))
    }
    guard !unknown.isEmpty else { return [] }
    return try onFiles { () throws(FileError) in
      let asking = try FolderLock(on: folder, .exclusive, waiting: RegistryConnection.patience)
      defer { asking.release() }
      return unknown.filter { name in
        guard folder.kind(of: name) == .folder else { return true }
        return (try? FolderLock(on: folder.folder(name), .exclusive)) != nil
      }
    }
  }
}
