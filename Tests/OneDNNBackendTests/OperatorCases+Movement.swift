import NetworkGraph

extension OperatorCase {
  static let movements: [OperatorCase] = [
    .init(description: "Flatten", operation: .flatten(Flatten()), input: [5, 3, 3]),
    .init(
      description: "Reshape", operation: .reshape(Reshape(target: .batched([9, 5]))),
      input: [5, 3, 3]),
    .init(
      description: "Slice of rows and columns",
      operation: .slice(
        Slice(ranges: [
          .init(axis: 2, start: 0, end: 7, step: 2), .init(axis: 3, start: 1, end: 6, step: 2),
        ])), input: [16, 7, 7]),
    .init(
      description: "Slice of channels",
      operation: .slice(Slice(ranges: [.init(axis: 1, start: 3, end: 17, step: 2)])),
      input: [19, 4, 4]),
    .init(
      description: "Pad of channels and rows",
      operation: .pad(Pad(before: [0, 8, 1, 0], after: [0, 5, 0, 2])), input: [16, 4, 4]),
    .init(
      description: "Pad with a value",
      operation: .pad(Pad(before: [0, 0, 1, 1], after: [0, 0, 1, 1], mode: .constant(2))),
      input: [3, 4, 4]),
  ]

  static let selections: [OperatorCase] =
    [Pad.Mode.reflect, .edge, .wrap].map { mode in
      .init(
        description: "Pad, \(mode)",
        operation: .pad(Pad(before: [0, 0, 2, 1], after: [0, 0, 1, 3], mode: mode)),
        input: [5, 4, 6])
    } + [
      .init(
        description: "Gather of channels",
        operation: .gather(Gather(axis: 1, indices: [4, 0, 1, 1, 18, 17])), input: [19, 3, 3]),
      .init(
        description: "Gather of columns", operation: .gather(Gather(axis: 3, indices: [2, 1, 0])),
        input: [3, 3, 3]),
      .init(
        description: "Concat of channels", operation: .concat(Concat(axis: 1)), input: [7, 3, 3],
        others: [.batched([16, 3, 3]), .batched([2, 3, 3])]),
      .init(
        description: "Concat of rows",
        operation: .concat(Concat(axis: 2)), input: [4, 3, 2], others: [.batched([4, 1, 2])]),
      .init(
        description: "Expand of a column", operation: .expand(Expand(target: .batched([3, 4, 5]))),
        input: [3, 1, 5]),
      .init(
        description: "Cast to whole numbers", operation: .cast(Cast(type: .int64)), input: [3, 3]),
      .init(
        description: "Cast to what it is", operation: .cast(Cast(type: .float32)), input: [3, 3]),
    ]

  static let shuffles: [OperatorCase] =
    [false, true].map { placesAreFast in
      .init(
        description: "DepthToSpace \(placesAreFast)",
        operation: .depthToSpace(DepthToSpace(size: 2, placesAreFast: placesAreFast)),
        input: [12, 3, 2])
    } + [
      .init(
        description: "SpaceToDepth", operation: .spaceToDepth(SpaceToDepth(size: 2)),
        input: [3, 4, 6])
    ]
    + [[0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 2, 3], [0, 1, 3, 2]].map { permutation in
      .init(
        description: "Transpose \(permutation)",
        operation: .transpose(Transpose(permutation: permutation)), input: [5, 3, 4])
    }

  static let resizes: [OperatorCase] = {
    let modes: [Resize.Mode] = [
      .nearest(.roundPreferFloor), .nearest(.roundPreferCeiling), .nearest(.floor),
      .nearest(.ceiling), .linear, .cubic(coefficient: -0.75),
    ]
    return modes.flatMap { mode in
      Resize.Coordinates.allCases.flatMap { coordinates in
        [[1, 1, 2, 3], [1, 1, 1.5, 0.6]].map { scales in
          OperatorCase(
            description: "Resize \(mode) \(coordinates) by \(scales)",
            operation: .resize(Resize(mode: mode, coordinates: coordinates, scales: scales)),
            input: [5, 4, 7])
        }
      }
    }
  }()
}
