import ArgumentParser
import Importance
import Pipeline

/// What is scored: a network, images, and how activations are compared.
struct ScoreOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The trained network.", valueName: "file.onnx"))
  var model: String

  @OptionGroup var models: ModelOptions

  @Option(help: ArgumentHelp("Calibration images; labels are not used.", valueName: "file.yaml"))
  var calibration: String

  @Option(help: "Name of the sweep. [default: from the names of the input files]")
  var name: String?

  @Option(help: "Calibration images to use. [default: 1000, or all if there are fewer]")
  var samples: Int?

  @Option(help: "Draw the calibration images at random with this seed, not from the front.")
  var seed: UInt64?

  @Option(help: "Activations that nHSIC compares: \(TapKind.names).")
  var taps = TapKind.groups

  @Option(
    help: """
      The estimator of HSIC: biased, as published; unbiased; or minibatch, whose cost grows with \
      the number of images and not with its square.
      """)
  var estimator = HSICEstimator.biased

  @Option(help: "The kernel that compares images: linear or rbf.")
  var kernel = KernelKind.linear

  @Option(help: "Images in a tile of the kernel matrices. [default: 128, fewer for large taps]")
  var tile: Int?

  @Option(help: "Temperature of the importances exp(-beta (r - 1)).")
  var beta = 1.0

  func validate() throws {
    if let samples, samples < 2 {
      throw ValidationError("--samples \(samples): nHSIC compares two images or more")
    }
    guard beta.isFinite, beta >= 0 else {
      throw ValidationError("--beta \(beta): give a number from 0 on")
    }
    if let tile, !(1...4096).contains(tile) {
      throw ValidationError("--tile \(tile): give 1…4096")
    }
  }

  /// The part of a recipe that these options decide.
  func choose(in recipe: inout Recipe) {
    recipe.taps = taps
    recipe.estimator = estimator
    recipe.kernel = kernel
    recipe.beta = beta
  }
}

extension HSICEstimator: ExpressibleByArgument {}

extension KernelKind: ExpressibleByArgument {}
