import Foundation

/// What a data set's YAML file says.
///
///     format: cifar10-binary          # or npz
///     path: test.bin                  # relative to this file; or a list: [a.bin, b.bin]
///     normalise: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
///     limit: 1000                     # at most so many images, from the beginning
///     classes: 10                     # labels are 0 ..< classes
///     images: x                       # npz only: array names, by default images and labels,
///     labels: y                       # or else x and y
///     layout: nhwc                    # npz only: or nchw; by default the axis of 1 or 3 channels
///
/// A network sees (pixel / 255 − mean) / std; one number stands for all channels.
struct DatasetDescription {
  enum Format: String, CaseIterable {
    case cifar10Binary = "cifar10-binary"
    case npz
  }

  enum Layout: String, CaseIterable { case nhwc, nchw }

  /// The YAML file.
  var file: URL
  var format: Format
  /// At least one, resolved against the YAML file's folder.
  var paths: [URL]
  /// Of every channel, or one number for all of them.
  var mean: [Double]
  var std: [Double]
  var limit: Int?
  var classes: Int?
  var images: String?
  var labels: String?
  var layout: Layout?
}
