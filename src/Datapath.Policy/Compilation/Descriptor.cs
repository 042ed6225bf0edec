namespace Datapath.Policy.Compilation;

/// <summary>What a cell of the verdict matrix stands for.</summary>
/// <param name="Verdict">What happens to the connection.</param>
/// <param name="Flags">What kind of rule decided, and whether it is reported.</param>
/// <param name="RuleIndex">The rule that decides; never 0.</param>
/// <param name="ObservedRuleIndex">An observing rule that matched too; 0 when there is none.</param>
/// <param name="ObservedVerdict">What the observing rule would have said; meaningless without one.</param>
public readonly record struct Descriptor(
    Verdict Verdict,
    DescriptorFlags Flags,
    int RuleIndex,
    int ObservedRuleIndex,
    Verdict ObservedVerdict
);

/// <summary>What happens to a connection. The numbers are those of <c>enum dp_verdict</c> in <c>bpf/include/dp_abi.h</c>.</summary>
public enum Verdict : byte
{
    /// <summary>Dropped; written <c>Reject</c> in rulesets.</summary>
    Reject = 0,

    /// <summary>Passed on.</summary>
    Allow = 1,
}

/// <summary>What kind of rule decided. The bits are those of <c>enum dp_descriptor_flags</c> in <c>bpf/include/dp_abi.h</c>.</summary>
[Flags]
public enum DescriptorFlags : ushort
{
    /// <summary>An ordinary rule whose flows are not reported (<c>logsDisabled</c>).</summary>
    None = 0,

    /// <summary>Flows decided by the rule are reported.</summary>
    Log = 1,

    /// <summary>A built-in allowance, such as neighbour discovery.</summary>
    BuiltIn = 2,

    /// <summary>The default action of the namespace.</summary>
    Default = 4,

    /// <summary>A failsafe port, in force because no rule decided.</summary>
    Failsafe = 8,
}

/// <summary>Who opens the connection, seen from the processing unit that is judged.</summary>
public enum Direction : byte
{
    /// <summary>Opened towards the unit: judged by <c>incomingRules</c>.</summary>
    Incoming = 0,

    /// <summary>Opened by the unit: judged by <c>outgoingRules</c>.</summary>
    Outgoing = 1,
}
