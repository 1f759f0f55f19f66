import Testing

@testable import Training

@Suite struct ScheduleTests {
  private func factors(_ schedule: Schedule, _ steps: [Int]) -> [Float] { steps.map { Float(schedule.factor(at: $0)) } }

  @Test func `The rate rises in equal steps from zero`() {
    for curve in Schedule.Curve.allCases {
      let schedule = Schedule(curve, warmUp: .steps(4), steps: 14)
      #expect(factors(schedule, [0, 1, 2, 3, 4]) == [0, 0.25, 0.5, 0.75, 1])
    }
  }

  @Test func `Each curve goes through its known points`() {
    let steps = [4, 9, 14]
    #expect(factors(Schedule(.constant, warmUp: .steps(4), steps: 14), steps) == [1, 1, 1])
    #expect(factors(Schedule(.linear, warmUp: .steps(4), steps: 14), steps + [13, 20]) == [1, 0.5, 0, 0.1, 0])
    #expect(isNear(factors(Schedule(.cosine, warmUp: .steps(4), steps: 14), steps), [1, 0.5, 0]))
    // (1 + cos(π / 3)) / 2 and (1 + cos(2π / 3)) / 2.
    #expect(isNear(factors(Schedule(.cosine, steps: 6), [0, 2, 4]), [1, 0.75, 0.25]))
  }

  @Test func `A ratio of warm-up is rounded up, as in the reference`() {
    #expect(Schedule(.linear, warmUp: .ratio(0.06), steps: 110).warmUpSteps == 7)
    #expect(Schedule(.linear, warmUp: .ratio(0.5), steps: 10).warmUpSteps == 5)
    #expect(Schedule(.linear, steps: 10).factor(at: 0) == 1)
  }

  @Test func `A warm-up that is longer than the run is no accident`() {
    let schedule = Schedule(.linear, warmUp: .steps(20), steps: 10)
    #expect(schedule.factor(at: 9) == 0.45)
  }
}
