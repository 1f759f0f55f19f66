import Kernels
import TestSupport
import Testing

/// The environment variable that chooses the instruction set.
@Suite struct KernelChoiceTests {
  @Test(arguments: VectorKernels.InstructionSet.allCases.filter { VectorKernels($0) != nil })
  func theVariableChoosesTheKernels(_ set: VectorKernels.InstructionSet) throws {
    let result = try CommandLineTool.run(
      ["bench", "--model", Fixtures.base("v3"), "--shapes", "1x4", "--repeats", "1"],
      environment: ["ADAPTER_HOST_KERNELS": set.rawValue])
    #expect(result.exitCode == 0)
    #expect(result.output.contains("\"kernels\": \"\(set.rawValue)\""))
  }

  @Test func withoutTheVariableTheFastestKernelsCount() throws {
    let result = try CommandLineTool.run("bench", "--model", Fixtures.base("v3"), "--shapes", "1x4", "--repeats", "1")
    #expect(result.output.contains("\"kernels\": \"\(VectorKernels.best.instructionSet.rawValue)\""))
  }
}
