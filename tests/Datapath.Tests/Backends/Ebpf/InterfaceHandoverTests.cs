using Datapath.Backends.Ebpf;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>By whom the packets of an interface are judged in each generation, from what is written before the switch.</summary>
public sealed class InterfaceHandoverTests
{
    private const uint Active = 7;
    private const uint Next = 8;
    private const uint Index = 3;

    private static readonly DpInterface Host = new() { Unit = 1, Role = (byte)DpRole.Host };
    private static readonly DpInterface Web = new() { Unit = 2, Role = (byte)DpRole.Pod };
    private static readonly DpInterface Database = new() { Unit = 3, Role = (byte)DpRole.Pod };

    [Fact]
    public void Another_unit_takes_over_with_the_next_generation() => Assert.Equal((2, 3), UnitsAround(Before(Web, Database)));

    [Fact]
    public void Another_role_takes_over_with_the_next_generation()
    {
        DpInterface entry = Before(Host, Web);
        Assert.Equal(((byte)DpRole.Host, (byte)DpRole.Pod, Next), (entry.Role, entry.NextRole, entry.NextFrom));
    }

    [Fact]
    public void An_interface_that_is_let_go_is_judged_until_the_switch_and_by_nobody_after()
    {
        DpInterface entry = Before(Web, default);
        Assert.Equal(((byte)DpRole.Pod, (byte)DpRole.None, Next), (entry.Role, entry.NextRole, entry.NextFrom));
    }

    [Fact]
    public void What_is_no_question_of_the_unit_changes_at_once()
    {
        DpInterface forwards = Host with { Flags = (byte)DpInterfaceFlags.ForwardsIPv4 };
        Assert.Equal(forwards, Before(Host, forwards));
        Assert.Equal((byte)DpInterfaceFlags.ForwardsIPv4, Before(Web, forwards).Flags);
    }

    [Theory]
    [InlineData(Active, 3)]
    [InlineData(Next, 2)]
    public void What_an_agent_left_that_died_on_the_way_is_read_by_the_generation_that_is_active(uint leftFrom, int unit)
    {
        DpInterface left = Web with { NextRole = (byte)DpRole.Pod, NextUnit = 3, NextFrom = leftFrom };
        Assert.Equal((unit, 1), UnitsAround(Before(left, Host)));
        DpInterface inForce = unit == 3 ? Database : Web;
        Assert.Equal(inForce, Before(left, inForce));
    }

    [Fact]
    public void An_interface_that_is_new_is_not_written_before_the_switch() =>
        Assert.Empty(InterfaceHandover.BeforeSwitch([], new Dictionary<uint, DpInterface> { [Index] = Web }, Active, Next));

    private static DpInterface Before(DpInterface present, DpInterface desired)
    {
        Dictionary<uint, DpInterface> wanted = desired.Role == (byte)DpRole.None ? [] : new() { [Index] = desired };
        return InterfaceHandover.BeforeSwitch([new(Index, present)], wanted, Active, Next)[Index];
    }

    /// <summary>Who judges until the switch, and who afterwards.</summary>
    private static (int Until, int After) UnitsAround(DpInterface entry)
    {
        Assert.Equal(Next, entry.NextFrom);
        return (entry.Unit, entry.NextUnit);
    }
}
