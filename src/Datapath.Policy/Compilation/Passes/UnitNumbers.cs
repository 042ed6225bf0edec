using System.Collections.Immutable;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The numbers of the units that this host judges.</summary>
/// <param name="Indexes">The indexes with these units numbered.</param>
/// <param name="Numbers">For each unit of the policy its number, 0 when it is not judged here.</param>
/// <param name="Highest">The highest number given away.</param>
internal sealed record UnitNumbers(RuleIndexes Indexes, int[] Numbers, int Highest)
{
    public static UnitNumbers Allocate(ResolvedPolicy policy, RuleIndexes indexes)
    {
        var occurrences = new Dictionary<(string Namespace, string Name), int>();
        var keys = new List<UnitKey>();
        var places = new List<int>();
        for (int i = 0; i < policy.Units.Length; i++)
        {
            ResolvedUnit unit = policy.Units[i];
            if (!unit.IsJudged || unit.IsHost)
            {
                continue;
            }
            int occurrence = occurrences.GetValueOrDefault((unit.Namespace, unit.Name));
            occurrences[(unit.Namespace, unit.Name)] = occurrence + 1;
            keys.Add(new UnitKey(unit.Namespace, unit.Name, occurrence));
            places.Add(i);
        }
        RuleIndexes after = indexes.AllocateUnits(keys, out int[] given);
        var numbers = new int[policy.Units.Length];
        for (int i = 0; i < given.Length; i++)
        {
            numbers[places[i]] = given[i];
        }
        int host = policy.Units.IndexOf(policy.Units.FirstOrDefault(unit => unit is { IsHost: true, IsJudged: true })!);
        if (host >= 0)
        {
            numbers[host] = LocalUnit.HostNumber;
        }
        return new UnitNumbers(after, numbers, numbers.Max());
    }

    /// <summary>The judged units by ascending number.</summary>
    public ImmutableArray<LocalUnit> Local(ResolvedPolicy policy, UnitDirections directions) =>
        [
            .. Enumerable
                .Range(0, Numbers.Length)
                .Where(unit => Numbers[unit] != 0)
                .Select(unit => new LocalUnit(
                    Numbers[unit],
                    policy.Units[unit].Name,
                    policy.Units[unit].Namespace,
                    directions.PolicyOfUnit[unit],
                    policy.Units[unit].Attach
                ))
                .OrderBy(unit => unit.Number),
        ];
}
