namespace Datapath.Backends.Ebpf;

/// <summary>
/// What the table of interfaces says before a switch of generations, so that no packet is judged by a unit that its generation does not
/// have there. Pure, so that every case is a test without a kernel.
/// </summary>
internal static class InterfaceHandover
{
    /// <summary>The entries that are to be written before the switch; interfaces that are new get theirs afterwards, with their programs.</summary>
    /// <param name="present">What stands in the table.</param>
    /// <param name="desired">What ought to stand there once the next generation is active.</param>
    /// <param name="active">The generation that is active.</param>
    /// <param name="next">The generation that will be.</param>
    public static Dictionary<uint, DpInterface> BeforeSwitch(
        IEnumerable<KeyValuePair<uint, DpInterface>> present,
        IReadOnlyDictionary<uint, DpInterface> desired,
        uint active,
        uint next
    ) => present.ToDictionary(entry => entry.Key, entry => Between(entry.Value, desired.GetValueOrDefault(entry.Key), active, next));

    /// <summary>An entry as it holds for a generation, without what is to come.</summary>
    /// <param name="present">What stands in the table.</param>
    /// <param name="active">The generation.</param>
    public static DpInterface Settled(DpInterface present, uint active)
    {
        (ushort unit, byte role) = InForce(present, active);
        return present with { Unit = unit, Role = role, NextUnit = 0, NextRole = 0, NextFrom = 0 };
    }

    /// <summary>No entry, which is all zeros, is the role "none": such an interface is let go when everything else is in place.</summary>
    private static DpInterface Between(DpInterface present, DpInterface desired, uint active, uint next)
    {
        (ushort unit, byte role) = InForce(present, active);
        bool isSame = (unit, role) == (desired.Unit, desired.Role);
        bool isGoing = desired.Role == (byte)DpRole.None;
        return isSame
            ? desired
            : new DpInterface
            {
                Unit = unit,
                Role = role,
                Link = isGoing ? present.Link : desired.Link,
                Flags = isGoing ? present.Flags : desired.Flags,
                NextRole = desired.Role,
                NextUnit = desired.Unit,
                NextFrom = next,
            };
    }

    /// <summary>An agent that died before it tidied up left both.</summary>
    private static (ushort Unit, byte Role) InForce(DpInterface present, uint active) =>
        present.NextFrom != 0 && active >= present.NextFrom ? (present.NextUnit, present.NextRole) : (present.Unit, present.Role);
}
