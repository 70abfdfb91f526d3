import TestSupport
import Testing

@testable import LinearAlgebra

@Suite("OpenBLAS's kernels", .tags(.pure))
struct OpenBLASKernelsTests {
  @Test("a processor that OpenBLAS does not know gets the kernels that its instructions allow")
  func unknown() {
    #expect(OpenBLAS.better(than: "Prescott", hasAVX2: true, hasAVX512: true) == "SkylakeX")
    #expect(OpenBLAS.better(than: "Barcelona", hasAVX2: true, hasAVX512: false) == "Haswell")
    #expect(OpenBLAS.better(than: "Nehalem", hasAVX2: false, hasAVX512: false) == nil)
  }

  @Test(
    "what it chooses for one that it knows stays",
    arguments: ["Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"])
  func known(kernels: String) {
    #expect(OpenBLAS.better(than: kernels, hasAVX2: true, hasAVX512: true) == nil)
  }
}
