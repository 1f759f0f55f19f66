import AdapterHost
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing

/// The cases of the reference; its outputs were computed in float64.
private let cases =
  [
    "average-bn", "average-lora", "base-abs", "base-norel", "base-noshare", "base-p2c", "base-v2conv",
    "base-v2conv-ragged", "base-v3", "base-v3-long", "base-v3-one-token", "batchsplit-bn", "batchsplit-lora",
    "batchsplit-mixed-methods", "bn-gated-learned-scale", "bn-leave-out-per-layer-rf", "bn-ln-variants",
    "bn-pytorch-bin", "format-bfloat16-safetensors", "format-bin", "format-float16-safetensors", "format-half-bin",
    "format-legacy-bin", "format-sharded-safetensors", "fuse-three-static", "fuse-two", "head-cls-1-layer",
    "head-cls-3-layers-gelu", "head-cls-regression", "head-masked-lm", "head-masked-lm-inverse", "head-multilabel",
    "head-multiple-choice",
    "head-qa", "head-tagging", "head-tagging-2-layers", "ia3-merged", "lora-all-matrices", "lora-gated", "lora-merged",
    "lora-noshare", "lora-v2conv", "method-adapter_plus", "method-compacter", "method-compacter++", "method-direft",
    "method-dora", "method-double_seq_bn", "method-double_seq_bn_inv", "method-dvora", "method-ia3", "method-lora",
    "method-loreft", "method-mam", "method-noreft", "method-par_bn", "method-prefix_tuning",
    "method-prefix_tuning_flat", "method-prompt_tuning", "method-seq_bn", "method-seq_bn_inv", "method-unipelt",
    "method-vera", "multi-head", "parallel-heads", "parallel-lora", "parallel-stacks", "peft-dora-qv",
    "peft-dora-rslora-value-ffn", "peft-lora", "peft-lora-layers-to-transform", "peft-lora-rank-pattern",
    "peft-lora-rslora-patterns", "peft-lora-target-regex", "peft-sum-with-dora", "split-bn",
    "stack-lora-over-bn", "stack-over-fuse", "stack-then-parallel", "stack-two", "stack-two-lora",
    "static-masked-lm", "static-microsoft-enhanced-mask-decoder", "static-microsoft-masked-lm",
    "static-multiple-choice",
    "static-question-answering", "static-sequence-classification",
    "static-token-classification",
  ] + olderModelCases + peftCases

/// Whether a case has adapters, and records hidden states of its own length: some have logits alone, prompts
/// lengthen the rows, and the reference truncates the recorded projection of LoReFT to nothing.
private func adapts(_ name: String) -> Bool {
  !["head-multiple-choice", "peft-lora", "method-prompt_tuning", "method-loreft"].contains(name)
    && ![
      "base-", "format-", "static-", "a-base-", "a-static-", "a-microsoft-", "a-head-", "a-method-prompt", "b-",
      "e-prompt", "e-p-tuning",
    ]
    .contains(where: name.hasPrefix)
}

@Suite struct ParityTests {
  @Test func everyCaseIsCompared() throws { #expect(try Fixtures.parityCases == cases.sorted()) }

  @Test(arguments: cases)
  func theOutputsAreThoseOfTheReference(_ name: String) throws {
    let outputs = try ParityCase.named(name).run(name)
    let mask = try ParityMask(name)
    for (key, expected) in try ParityCase.expected(name) {
      let ours = try #require(outputs[key], "\(key) is not among \(outputs.keys.sorted())")
      #expect(ours.shape == expected.shape)
      expectClose(ours.real(key, mask), expected.real(key, mask), .model, key)
    }
  }

  /// The same with the kernels of every instruction set that this processor runs; `adapter-cli` takes them by the
  /// environment variable `ADAPTER_HOST_KERNELS`.
  @Test(arguments: VectorKernels.InstructionSet.allCases.compactMap { VectorKernels($0) })
  func theOutputsAreThoseOfTheReferenceOnEveryPath(_ kernels: VectorKernels) throws {
    let compute = Compute(kernels: kernels, threads: 2)
    for name in try Fixtures.parityCases {
      let outputs = try ParityCase.named(name).run(name, compute)
      let mask = try ParityMask(name)
      for (key, expected) in try ParityCase.expected(name) {
        let ours = try #require(outputs[key])
        expectClose(
          ours.real(key, mask), expected.real(key, mask), .model, "\(kernels.instructionSet) \(name) \(key)")
      }
    }
  }

  /// `save_adapter_setup` writes each part to a folder of its own, and `adapter_setup.json`, as here.
  @Test func aFolderOfASetupIsLoadedWhole() throws {
    let name = "stack-over-fuse"
    let parts = Fixtures.parityCase(name)
    let scratch = try TemporaryFolder()
    for (part, source) in [("x", "adapters/x"), ("y", "adapters/y"), ("t", "adapters/t"), ("x,y", "fusions/x+y")] {
      try FileManager.default.copyItem(atPath: "\(parts)/\(source)", toPath: scratch.path(part))
    }
    for file in ["head_config.json", "model_head.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(parts)/heads/t/\(file)", toPath: scratch.path("t/\(file)"))
    }
    try scratch.write(
      #"""
      {"adapter_setup": {"type": "Stack", "children": [
      {"type": "Fuse", "children": [{"type": "single", "children": ["x"]}, {"type": "single", "children": ["y"]}]},
      {"type": "single", "children": ["t"]}]}, "head_setup": "t", "version": "adapters.1.3.0"}
      """#, as: "adapter_setup.json")
    let workspace = try Workspace(
      WorkspaceRequest(model: Fixtures.base("v3"), setupFolder: scratch.path, usesActiveSetup: false))
    #expect(workspace.setup == (try Composition("Stack(Fuse(x, y), t)")))
    #expect(workspace.heads == ["t"])
    let output = scratch.path("output.safetensors")
    try ForwardRequest(inputs: parts + "/inputs.json", setup: workspace.setup, heads: workspace.heads, recording: [])
      .run(workspace.loadModel(compute: TinyModel.compute), output: output)
    let (expected, ours) = (try ParityCase.expected(name), try ParityTensor.read(output))
    for key in ["last_hidden_state", "logits/t"] {
      expectClose(
        try #require(ours[key]).real(key, ParityMask(name)), try #require(expected[key]).real(key, ParityMask(name)),
        .model, key)
    }
  }

  /// Negative control: what the adapters do is far more than what the comparison lets pass.
  @Test(arguments: cases.filter(adapts))
  func theOutputsAreOthersWithoutTheAdapters(_ name: String) throws {
    let key = "last_hidden_state"
    let mask = try ParityMask(name)
    let expected = try #require(try ParityCase.expected(name)[key])
    let ours = try #require(try ParityCase.named(name).run(name, leavingOut: .adapters)[key])
    let repetitions = expected.shape[0] / ours.shape[0]
    expectFarOff(
      Array(repeating: ours.real(key, mask), count: repetitions).flatMap { $0 }, expected.real(key, mask))
  }
}
