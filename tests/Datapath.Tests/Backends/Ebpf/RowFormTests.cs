using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>Rows of the verdict matrix in an image: both forms say the same, and the right one is taken.</summary>
public sealed class RowFormTests
{
    private const int Web = 1;

    [Theory]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(1000)]
    [InlineData(65536)]
    public void Both_forms_say_what_the_rows_say(int portClasses)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        CompiledPolicy policy = PolicyOf(portClasses, descriptors: 5000, [.. Enumerable.Range(0, 40).Select(i => RandomRow(random, portClasses, runs: 1 << (i % 12)))]);
        foreach (RowForm form in Enum.GetValues<RowForm>())
        {
            PolicyImage image = PolicyImageEncoder.Encode(policy, form);
            Assert.Equal(form, image.Layout.Form);
            AssertSays(policy, image, $"seed {seed}, {form}");
        }
    }

    [Fact]
    public void Cells_beyond_sixteen_bits_are_compressed_and_right()
    {
        const int Descriptors = 200_000;
        // Every cell another descriptor, so that a cell cut to 16 bits is another rule's.
        CompiledPolicy policy = PolicyOf(
            portClasses: 500,
            Descriptors,
            [.. Enumerable.Range(0, 400).Select(row => new MatrixRow([.. Enumerable.Range(0, 500).Select(i => new CellRun(i, (row * 500) + i))]))]
        );
        PolicyImage image = PolicyImageEncoder.Encode(policy);
        Assert.Equal(RowForm.Compressed, image.Layout.Form);
        Assert.Equal(RowForm.Compressed, PolicyImageEncoder.Encode(policy, RowForm.Dense).Layout.Form);
        AssertSays(policy, image, "automatic");
    }

    [Fact]
    public void Few_rows_are_dense_and_many_of_few_runs_are_compressed()
    {
        var random = new Random(3);
        MatrixRow[] rows = [.. Enumerable.Range(0, 9000).Select(_ => RandomRow(random, portClasses: 512, runs: 4))];
        // 512 cells are 1,024 bytes: 8,192 rows fill the limit to the last.
        PolicyImage few = PolicyImageEncoder.Encode(PolicyOf(512, 5000, rows[..8192]));
        Assert.Equal((RowForm.Dense, RowEncoder.DenseLimitBytes), (few.Layout.Form, few.Layout.RowBytes));
        PolicyImage many = PolicyImageEncoder.Encode(PolicyOf(512, 5000, rows[..8193]));
        Assert.Equal(RowForm.Compressed, many.Layout.Form);
        Assert.InRange(many.Layout.RowBytes, 8193, RowEncoder.DenseLimitBytes / 2);
    }

    [Fact]
    public void Beyond_the_limit_rows_that_compress_badly_stay_dense()
    {
        MatrixRow[] rows = [.. Enumerable.Range(0, 9000).Select(row => new MatrixRow([.. Enumerable.Range(0, 512).Select(i => new CellRun(i, ((row * 7) + (i * 13)) % 60_000))]))];
        CompiledPolicy policy = PolicyOf(512, 60_000, rows);
        PolicyImage image = PolicyImageEncoder.Encode(policy);
        Assert.Equal((RowForm.Dense, 9000L * 1024), (image.Layout.Form, image.Layout.RowBytes));
        Assert.True(PolicyImageEncoder.Encode(policy, RowForm.Compressed).Layout.RowBytes > image.Layout.RowBytes);
    }

    [Fact]
    public void What_rows_have_in_common_is_written_once()
    {
        MatrixRow common = new([new(0, 1), new(300, 2), new(310, 1)]);
        MatrixRow other = new([new(0, 1), new(10, 3), new(20, 1), new(300, 2), new(310, 1)]);
        long one = Compressed(common);
        // A high node over one low node, a line each.
        Assert.Equal(2 * PolicyImage.LineBytes, one);
        // Another high node and the low node of its own block; that of the second block is shared.
        Assert.Equal(4 * PolicyImage.LineBytes, Compressed(common, other));
        // A row of one cell is an entry and no node.
        Assert.Equal(one, Compressed(common, new MatrixRow([new(0, 4)])));
    }

    private static long Compressed(params MatrixRow[] rows) => PolicyImageEncoder.Encode(PolicyOf(600, 10, rows), RowForm.Compressed).Layout.RowBytes;

    private static void AssertSays(CompiledPolicy policy, PolicyImage image, string which)
    {
        var walker = new ImageWalker(image);
        for (int row = 0; row < policy.Rows.Length; row++)
        {
            ImmutableArray<CellRun> runs = policy.Rows[row].Runs;
            for (int i = 0; i < runs.Length; i++)
            {
                int last = (i + 1 < runs.Length ? runs[i + 1].First : policy.Ports.ClassCount) - 1;
                foreach (int portClass in (int[])[runs[i].First, (runs[i].First + last) / 2, last])
                {
                    Descriptor said = walker.Decide(Web, Direction.Incoming, new AddressKey(false, (UInt128)row), PortTable.Tcp, (ushort)portClass);
                    Assert.True(policy.Descriptors[runs[i].Cell] == said, $"{which}: row {row}, port class {portClass}: {said}, not cell {runs[i].Cell}");
                }
            }
        }
    }

    private static MatrixRow RandomRow(Random random, int portClasses, int runs)
    {
        var firsts = new SortedSet<int> { 0 };
        for (int i = 1; i < runs; i++)
        {
            // Half of them beside an edge of a node.
            int any = random.Next(portClasses);
            firsts.Add(random.Next(2) == 0 ? any : Math.Min((any & ~0xff) + random.Next(2) + 255, portClasses - 1));
        }

        int cell = random.Next(5000);
        return new MatrixRow([.. firsts.Select(first => new CellRun(first, cell = (cell + 1 + random.Next(4998)) % 5000))]);
    }

    /// <summary>One unit; the peer with address n has row n, and TCP port n port class n.</summary>
    private static CompiledPolicy PolicyOf(int portClasses, int descriptors, MatrixRow[] rows)
    {
        ImmutableArray<PortRun> none = [new PortRun(0, 0)];
        return new CompiledPolicy
        {
            Peers = new PeerMap(rows.Length, [.. rows.Select((_, i) => new PeerRange<uint>((uint)i, (ushort)i, 0))], [new(0, 0, 0)]),
            Ports = new PortMap(portClasses, [[.. Enumerable.Range(0, portClasses).Select(i => new PortRun((ushort)i, (ushort)i))], none, none, none, none, none]),
            Policies = [new UnitPolicy([.. Enumerable.Range(0, rows.Length)], [.. new int[rows.Length]]) { IncomingPortsMatter = true, OutgoingPortsMatter = true }],
            Rows = [.. rows],
            Descriptors = [.. Enumerable.Range(0, descriptors).Select(i => new Descriptor((Verdict)(i & 1), DescriptorFlags.Log, i + 1, 0, Verdict.Reject))],
            LocalDescriptor = 0,
            Units = [new LocalUnit(Web, "web", "/", 0, new Attachment(AttachmentKind.Interface, "veth0"))],
            ExcludedInterfaces = [],
            Rules = [],
        };
    }
}
