import Datasets
import Pipeline

extension SweepDefinition {
  /// Counts the evaluation images that calibrate as well, and says so if there are any.
  mutating func countShared(_ evaluation: Dataset, _ calibration: Dataset) {
    let shared = evaluation.samples.samplesShared(with: calibration.samples)
    sharedImages = shared
    guard shared > 0 else { return }
    note(
      """
      warning: \(shared) of \(evaluation.count) evaluation images are calibration images too; \
      accuracy on them says less about others
      """)
  }
}
