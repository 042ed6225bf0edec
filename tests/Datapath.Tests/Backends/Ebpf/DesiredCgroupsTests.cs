using System.Collections.Immutable;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>Whose the cgroups of a host are, by policies of every shape.</summary>
public sealed class DesiredCgroupsTests
{
    private static readonly ImmutableArray<HostCgroup> Cgroups =
    [
        new("/a.slice", 1),
        new("/a.slice/w@1.service", 2),
        new("/a.slice/w@2.service", 3),
        new("/a.slice/w@2.service/child", 4),
    ];

    [Fact]
    public void A_path_with_a_wildcard_means_every_instance() => Assert.Equal(["2 is 2", "3 is 2"], Entries([Unit(2, "/a.slice/w@*.service")]));

    [Theory]
    [InlineData("/a.slice/w@2.service", "/a.slice/w@*.service", 3, 2)]
    [InlineData("/a.slice/w@*.service", "/a.slice/w@2.service", 2, 3)]
    public void One_path_comes_before_one_that_means_many(string two, string three, ushort ofFirstInstance, ushort ofSecondInstance)
    {
        DesiredCgroups desired = Of([Unit(2, two), Unit(3, three)]);
        Assert.Equal((ofFirstInstance, ofSecondInstance), (desired.Entries[2].Unit, desired.Entries[3].Unit));
        Assert.Empty(desired.NotEnforced);
    }

    [Fact]
    public void Only_the_topmost_of_nested_units_is_attached_to()
    {
        DesiredCgroups desired = Of([Unit(2, "/a.slice"), Unit(3, "/a.slice/w@2.service/child"), Unit(4, "/a.slice/w@1.service")]);
        Assert.Equal(["/a.slice"], desired.Topmost().Select(one => one.Path));
        Assert.Equal(3, desired.Entries.Count);
        Assert.Equal((1u << 1) | (1u << 2) | (1u << 3), desired.Depths());
    }

    [Fact]
    public void A_name_that_begins_alike_is_not_below() =>
        Assert.Equal(2, DesiredCgroups.Of([Unit(2, "/a"), Unit(3, "/ab")], [], path => [new HostCgroup(path, (ulong)path.Length)]).Topmost().Count());

    [Fact]
    public void A_unit_without_a_cgroup_is_said_to_be()
    {
        DesiredCgroups desired = Of([Unit(2, "/b"), Unit(3, "/a.slice"), Unit(4, "/a.slice")]);
        Assert.Equal(
            ["2: there is no cgroup /b now; it is judged within a moment of its coming", "4: cgroup /a.slice belongs to another unit"],
            desired.NotEnforced.Select(one => $"{one.Unit}: {one.Reason}")
        );
    }

    [Fact]
    public void What_lies_too_deep_is_left_to_the_host()
    {
        string path = string.Concat(Enumerable.Repeat("/x", 16));
        DesiredCgroups desired = DesiredCgroups.Of([Unit(2, path)], [], one => [new HostCgroup(one, 9)]);
        Assert.Empty(desired.Entries);
        Assert.EndsWith("more than 15 levels below the root", Assert.Single(desired.NotEnforced).Reason);
    }

    [Fact]
    public void The_policy_to_fall_back_to_has_units_of_its_own()
    {
        DesiredCgroups desired = DesiredCgroups.Of([Unit(2, "/a.slice")], [Unit(3, "/a.slice"), Unit(4, "/a.slice/w@1.service")], Named);
        Assert.Equal((2, 3), (desired.Entries[1].Unit, desired.Entries[1].FallbackUnit));
        Assert.Equal((0, 4), (desired.Entries[2].Unit, desired.Entries[2].FallbackUnit));
        Assert.Empty(desired.NotEnforced);
    }

    [Theory]
    [InlineData(2, 2, 2, 0, 0)]
    [InlineData(2, 3, 2, 3, 8)]
    [InlineData(2, 0, 2, 0, 8)]
    [InlineData(0, 3, 0, 3, 8)]
    public void A_cgroup_changes_hands_with_the_generation(ushort present, ushort desired, ushort unit, ushort next, uint from)
    {
        DpCgroup entry = DesiredCgroups.BeforeSwitch(new DpCgroup { Unit = present }, new DpCgroup { Unit = desired, FallbackUnit = 5 }, active: 7, next: 8);
        Assert.Equal((unit, next, from, (ushort)5), (entry.Unit, entry.NextUnit, entry.NextFrom, entry.FallbackUnit));
    }

    [Fact]
    public void Who_died_before_tidying_up_left_both()
    {
        DpCgroup entry = DesiredCgroups.BeforeSwitch(new DpCgroup { Unit = 2, NextUnit = 3, NextFrom = 7 }, new DpCgroup { Unit = 4 }, active: 7, next: 8);
        Assert.Equal((3, 4, 8u), (entry.Unit, entry.NextUnit, entry.NextFrom));
    }

    private static LocalUnit Unit(int number, string path) => new(number, $"u{number}", "/t", 0, new Attachment(AttachmentKind.Cgroup, path));

    private static DesiredCgroups Of(ImmutableArray<LocalUnit> units) => DesiredCgroups.Of(units, [], Named);

    private static IEnumerable<string> Entries(ImmutableArray<LocalUnit> units) => Of(units).Entries.Select(one => $"{one.Key} is {one.Value.Unit}");

    private static ImmutableArray<HostCgroup> Named(string path) =>
        [.. Cgroups.Where(one => path.Contains('*') ? one.Path.StartsWith(path[..path.IndexOf('*')], StringComparison.Ordinal) && one.Depth == 2 : one.Path == path)];
}
