using System.Runtime.InteropServices;
using Datapath.Backends;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>A policy in kernel memory that is not what was written is refused, and the one before it stays in force.</summary>
public sealed class ReadBackTests
{
    // Two images of 2 MB and no third: where the next one is written is known.
    private const int RoomForTwoBytes = 5 << 20;
    private const int Addresses = 100_000;

    // On a busy machine the other hand may not have its turn while an image is written.
    private const int Attempts = 50;

    // struct dp_generation: id, base, lines.
    private const int BaseWord = 1;
    private const int LinesWord = 2;

    [KernelFact]
    public async Task What_somebody_else_writes_over_is_not_put_in_force()
    {
        using var lab = new ProgramLab(options => options with { ArenaBytes = RoomForTwoBytes });
        uint generation = lab.Apply(Policy(80)).Generation;
        BackendException? refusal = null;
        for (int attempt = 0; attempt < Attempts && refusal is null; attempt++)
        {
            // Whoever begins anew does not know what the image in force is made of, and writes the next one as a whole.
            generation = lab.Restart();
            using var hand = new OtherHand(lab, generation);
            refusal = (BackendException?)Record.Exception(() => lab.Apply(Policy(81 + attempt % 2)));
            await hand.StopAsync();
        }

        Assert.Equal("the policy read back from kernel memory is not what was written", refusal?.Message);
        Assert.Equal(generation, lab.Restart());
        lab.Apply(Policy(90));
        Assert.True(lab.Passes("web0", ingress: false, SynTo(90), forwarded: true));
        Assert.False(lab.Passes("web0", ingress: false, SynTo(80), forwarded: true));
    }

    private static byte[] SynTo(ushort port) => Ethernet(IPv4("10.0.0.3", "10.1.0.2", Tcp, TcpHeader(4000, port, Syn)));

    /// <summary>Every second address of a network that is large enough may open a port of the pod.</summary>
    private static string Policy(int port)
    {
        IEnumerable<string> entries = Enumerable.Range(0, Addresses).Select(i => $"10.{i >> 15}.{i >> 7 & 255}.{(i & 127) * 2 + 1}");
        return $$"""
            APIVersion: 1
            label: large
            data:
              namespaces:
                - { name: /t, defaultPUIncomingTrafficAction: Reject, defaultPUOutgoingTrafficAction: Reject }
              processingunits:
                - { name: web, namespace: /t, associatedTags: ["app=web"], attach: { interface: web0 }, addresses: [10.1.0.2] }
              externalnetworks:
                - { name: many, namespace: /t, associatedTags: ["externalnetwork:name=many"], entries: [{{string.Join(", ", entries)}}] }
              networkrulesetpolicies:
                - name: web
                  namespace: /t
                  subject: [["app=web"]]
                  incomingRules:
                    - { action: Allow, object: [["externalnetwork:name=many"]], protocolPorts: [tcp/{{port}}] }
            """;
    }

    /// <summary>
    /// Counts up a word in the middle of where the next image goes, as fast as it can, until stopped: between the writing and the reading of it
    /// lies half an image, whichever end is written first.
    /// </summary>
    private sealed class OtherHand : IDisposable
    {
        private readonly MappedArray _arena;
        private readonly Task _writing;
        private volatile bool _isOver;

        public OtherHand(ProgramLab lab, uint generation)
        {
            using BpfMap map = BpfMap.OpenPinned(lab.PinOf("dp_arena"));
            _arena = map.MapMemory();
            int place = NextMiddle(lab, generation) * map.ValueBytes;
            _writing = Task.Run(() =>
            {
                ref uint word = ref MemoryMarshal.AsRef<uint>(_arena.Bytes[place..]);
                while (!_isOver)
                {
                    Interlocked.Increment(ref word);
                }
            });
        }

        public async Task StopAsync()
        {
            _isOver = true;
            await _writing;
        }

        public void Dispose() => _arena.Dispose();

        private static int NextMiddle(ProgramLab lab, uint generation)
        {
            using BpfMap map = BpfMap.OpenPinned(lab.PinOf("dp_generations"));
            using MappedArray generations = map.MapMemory();
            for (int at = 0; ; at += map.ValueBytes)
            {
                ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(generations.Bytes.Slice(at, map.ValueBytes));
                if (words[0] == generation)
                {
                    int lines = (int)words[LinesWord];
                    return (lines / 2) + (words[BaseWord] == 0 ? lines : 0);
                }
            }
        }
    }
}
