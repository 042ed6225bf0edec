using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Datapath.Backends.Ebpf.Image;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Tables with a hole fail closed: whichever of their lines reads as zeros, nothing passes that passed not before.</summary>
public sealed class ImageHoleTests(ITestOutputHelper output)
{
    private const string Web = "10.1.0.2";
    private const int FirstPort = 1000;
    private const int Ports = 40;

    // struct dp_generation: id, base.
    private const int BaseOffset = 4;

    [KernelTheory]
    [InlineData(RowForm.Dense)]
    [InlineData(RowForm.Compressed)]
    public void No_line_of_zeros_lets_anything_pass(RowForm form)
    {
        using var lab = new ProgramLab(options => options with { Rows = form });
        uint generation = lab.Apply(Policy()).Generation;
        PolicyImage image = PolicyImageEncoder.Encode(lab.Policy!, form);
        Assert.Equal(form, image.Layout.Form);
        (byte[][] allowed, byte[][] rejected) = Connections(line: 0);
        Assert.All(allowed, frame => Assert.True(Passes(lab, frame)));
        Assert.All(rejected, frame => Assert.False(Passes(lab, frame)));

        int holes = 0;
        using MappedArray arena = Map(lab, "dp_arena");
        int first = BaseOf(lab, generation);
        // Rows, what peer class has which, units, descriptors: everything behind the classes, where 0 is a class like others.
        for (int line = image.Layout.Rows; line < image.Lines; line++)
        {
            Span<byte> bytes = arena.Bytes.Slice((first + line) * PolicyImage.LineBytes, PolicyImage.LineBytes);
            byte[] before = bytes.ToArray();
            Assert.Equal(MemoryMarshal.AsBytes(image.Words.Span.Slice(line * PolicyImage.LineWords, PolicyImage.LineWords)), before);
            bytes.Clear();
            lab.TakeEvents();
            (allowed, rejected) = Connections(line);
            Assert.All(rejected, frame => Assert.False(Passes(lab, frame), $"line {line}"));
            int lost = allowed.Count(frame => !Passes(lab, frame));
            FlowEvent[] nameless = [.. lab.TakeEvents().Where(one => one.RuleIndex == 0)];
            Assert.All(nameless, one => Assert.Equal(DropReason.NoPolicy, one.Reason));
            Assert.True(nameless.Length >= lost, $"line {line}: {lost} lost, {nameless.Length} without a rule");
            holes += lost > 0 ? 1 : 0;
            before.CopyTo(arena.Bytes.Slice((first + line) * PolicyImage.LineBytes, PolicyImage.LineBytes));
        }

        output.WriteLine($"{form}: {holes} of {image.Lines - image.Layout.Rows} lines lost an allowed connection");
        Assert.True(holes >= 4, $"only {holes} lines mattered");
        (allowed, _) = Connections(image.Lines);
        Assert.All(allowed, frame => Assert.True(Passes(lab, frame)));
    }

    // Packets in the middle of connections, so that none opens a flow that the next would be part of.
    private static bool Passes(ProgramLab lab, byte[] frame) => lab.Passes("web0", ingress: frame == WithItself, frame, forwarded: true);

    private static byte[] WithItself { get; } = Ethernet(IPv4(Web, Web, Tcp, TcpHeader(9, 9, Ack)));

    // Others for each line, of other peers: what has just passed leaves a digest, what policy says of a peer a recollection, and neither asks the
    // image again. Nothing of a generation changes but here.
    private static (byte[][] Allowed, byte[][] Rejected) Connections(int line)
    {
        ILookup<bool, byte[]> frames = Enumerable
            .Range(0, Ports)
            .ToLookup(i => i % 8 == i / 8, i => Ethernet(IPv4($"0.{i % 8}.{line % 256}.1", Web, Tcp, TcpHeader((ushort)(9 + line), (ushort)(FirstPort + i), Ack))));
        return ([.. frames[true], WithItself], [.. frames[false]]);
    }

    private static MappedArray Map(ProgramLab lab, string name)
    {
        using BpfMap map = BpfMap.OpenPinned(lab.PinOf(name));
        return map.MapMemory();
    }

    private static int BaseOf(ProgramLab lab, uint generation)
    {
        using MappedArray generations = Map(lab, "dp_generations");
        for (int slot = 0; slot < generations.Count; slot++)
        {
            Span<byte> one = generations.Bytes[(slot * generations.StrideBytes)..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(one) == generation)
            {
                return BinaryPrimitives.ReadInt32LittleEndian(one[BaseOffset..]);
            }
        }

        throw new InvalidOperationException($"there is no generation {generation}");
    }

    /// <summary>
    /// Eight networks with a block of ports each. They begin at 0.0.0.0, so that the first lines of the image, the classes of the lowest
    /// addresses, would read as cells.
    /// </summary>
    private static string Policy()
    {
        IEnumerable<int> networks = Enumerable.Range(0, 8);
        string entries = string.Concat(networks.Select(i => $"    - {{ name: n{i}, namespace: /t, associatedTags: [\"externalnetwork:name=n{i}\"], entries: [0.{i}.0.0/16] }}\n"));
        string rules = string.Concat(
            networks.Select(i => $"        - {{ action: Allow, object: [[\"externalnetwork:name=n{i}\"]], protocolPorts: [{string.Join(", ", Enumerable.Range(8 * i, 8).Select(port => $"tcp/{FirstPort + port}"))}] }}\n")
        );
        return $"""
            APIVersion: 1
            label: holes
            data:
              namespaces:
                - name: /t
                  defaultPUIncomingTrafficAction: Reject
                  defaultPUOutgoingTrafficAction: Reject
              processingunits:
                - name: web
                  namespace: /t
                  associatedTags: ["app=web"]
                  attach: {"{ interface: web0 }"}
                  addresses: [{Web}]
              externalnetworks:
            {entries}
              networkrulesetpolicies:
                - name: blocks
                  namespace: /t
                  subject: [["app=web"]]
                  incomingRules:
            {rules}
            """;
    }
}
