using Datapath.Backends.Ebpf;
using Datapath.Backends.Ebpf.Image;
using Datapath.Flows;
using Datapath.Interop.Btf;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>Enums that C# has in words of its own, held against those that were generated from C.</summary>
public sealed class AbiTests
{
    [Fact]
    public void Reasons_to_drop_are_those_of_the_programs() => AssertSame<DropReason, DpReason>(besides: nameof(DpReason.Reasons));

    [Fact]
    public void Verdicts_are_those_of_the_programs() => AssertSame<Verdict, DpVerdict>();

    [Fact]
    public void Row_forms_are_those_of_the_programs() => AssertSame<RowForm, DpRowForm>();

    [Fact]
    public void Directions_are_those_of_the_programs() => AssertSame<Direction, DpDirection>();

    [Fact]
    public void Flags_of_descriptors_are_those_of_the_programs() => AssertSame<DescriptorFlags, DpDescriptorFlags>(withoutNone: true);

    [Fact]
    public void Every_struct_map_and_enum_is_recorded()
    {
        RecordedLayout layout = AbiLayout.Recorded;
        Assert.Contains(layout.Structs, recorded => recorded.Name == "dp_event" && recorded.SizeBytes == 64);
        Assert.Contains(layout.Maps, recorded => recorded.Name == DpMaps.Arena.Name && recorded.ValueBytes == Abi.LineBytes);
        Assert.Contains(layout.Enums, recorded => recorded.Name == "dp_reason");
    }

    private static void AssertSame<TOurs, TTheirs>(string? besides = null, bool withoutNone = false)
        where TOurs : struct, Enum
        where TTheirs : struct, Enum
    {
        IEnumerable<(string Name, ulong Value)> theirs = Values<TTheirs>().Where(value => value.Name != besides);
        IEnumerable<(string Name, ulong Value)> ours = Values<TOurs>().Where(value => !withoutNone || value.Value != 0);
        Assert.Equal(theirs.Order(), ours.Order());
    }

    private static IEnumerable<(string Name, ulong Value)> Values<T>()
        where T : struct, Enum => Enum.GetValues<T>().Select(value => (value.ToString(), Convert.ToUInt64(value)));
}
