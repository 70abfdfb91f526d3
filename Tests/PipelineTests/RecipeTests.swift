import Foundation
import Importance
import TestSupport
import Testing

@testable import Pipeline

@Suite("A recipe on its way", .tags(.pure))
struct RecipeTests {
  @Test("every field comes back as it was written")
  func everyField() throws {
    var recipe = Recipe()
    recipe.taps = .blocks
    recipe.estimator = .minibatch
    recipe.kernel = .rbf
    recipe.tileSize = 17
    recipe.beta = 2.5
    recipe.utility = .log
    recipe.errorPower = 3
    recipe.criterion = "l1"
    recipe.strategy = "uniform"
    recipe.allocationGap = 0.01
    recipe.candidates = 4
    recipe.isLadder = true
    recipe.gramPositions = 9
    recipe.fewestPositions = 90
    recipe.sensitivityImages = 40
    recipe.reconstruction = .single
    recipe.sequentialDamping = 0.5
    recipe.meanWeight = 3
    recipe.mirrors = true
    recipe.jointSteps = 3
    recipe.exchanges = true
    recipe.recoverWith = "cp {model} {output}"
    recipe.recoveryMinutes = 7
    recipe.microBatch = 5
    recipe.evaluationShard = 64
    recipe.scoresOnly = true
    recipe.plansOnly = true
    recipe.evaluates = false
    recipe.metric = .agreement
    recipe.latencyRepeats = 5
    for (field, plain) in zip(
      Mirror(reflecting: recipe).children, Mirror(reflecting: Recipe()).children)
    {
      #expect(
        "\(field.value)" != "\(plain.value)", "change \(field.label ?? "the new field") here, too")
    }
    let read = try JSONDecoder().decode(Recipe.self, from: JSONEncoder().encode(recipe))
    #expect(read == recipe)
  }
}
