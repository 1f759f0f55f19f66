/// A safetensors file with any header and any data.
func safetensors(_ header: String, data: [UInt8] = []) -> [UInt8] {
  bytes(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

/// A safetensors file with these members of its header.
func safetensors(members: [String], data: [UInt8]) -> [UInt8] {
  safetensors("{\(members.joined(separator: ","))}", data: data)
}

/// One member of a header.
func member(_ name: String, _ shape: String, _ begin: Int, _ end: Int, type: String = "F32") -> String {
  "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
}
