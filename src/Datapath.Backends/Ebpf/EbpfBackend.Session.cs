using System.Collections.Immutable;
using System.Diagnostics;
using Datapath.Backends.Ebpf.Image;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <content>What is loaded and open, from the first call to the last.</content>
public sealed partial class EbpfBackend
{
    /// <summary>The loaded object and what is open of it.</summary>
    private sealed class Session : IDisposable
    {
        private readonly TcPrograms _programs;
        private BpfObject? _forCgroups;

        public Session(EbpfOptions options, PinDirectory pins, EventDecoder decoder, bool rehearses)
        {
            _programs = new TcPrograms(options, pins, rehearses);
            Loaded = _programs.Beside;
            Arena = new Arena(Loaded, options.Time);
            Interfaces = new InterfaceTable(Loaded.Map(DpMaps.Interfaces), Arena);
            FallbackInterfaces = new KernelTable<uint, DpInterface>(Loaded.Map(DpMaps.FallbackIfs));
            Host = new HostTables(Loaded);
            Clock = new JiffiesClock(Loaded.Program("dp_clock"));
            Marks = new FlowMarks(Loaded);
            Flows = new FlowCollector(Loaded, Clock, Timeouts, Marks);
            Cgroups = new CgroupUnits(
                Loaded,
                () => new CgroupHooks(_forCgroups = SegmentObject.LoadForCgroups(options, pins), pins),
                CgroupTree.Find(),
                Flows.Forget,
                options.Time
            );
            Early = new EarlyRefusal(
                Loaded,
                () => SegmentObject.LoadForProcesses(options, pins),
                pins,
                new EarlyRefusalPlace(options.EarlyReject, CgroupTree.Find(), options.EarlyRejectCgroup),
                options.Time
            );
            Xdp = new XdpHooks(Loaded, Arena, () => SegmentObject.OpenForXdp(options, pins, Loaded), pins, options.Xdp != XdpChoice.Off);
            Hooks = new AttachedHooks(_programs, pins, MechanismOf(options.TcHook));
            HasOtherLayouts = pins.MapsOfOtherLayouts().Count > 0;
            Events = new RingBuffer(
                Loaded.Map(DpMaps.Events),
                record =>
                {
                    if (decoder.Decode(record) is { } one)
                    {
                        OnEvent?.Invoke(one);
                    }
                }
            );
        }

        public BpfObject Loaded { get; }

        public Arena Arena { get; }

        public HostTables Host { get; }

        public AttachedHooks Hooks { get; }

        public CgroupUnits Cgroups { get; }

        public EarlyRefusal Early { get; }

        public XdpHooks Xdp { get; }

        public JiffiesClock Clock { get; }

        public FlowMarks Marks { get; }

        public FlowTimeouts Timeouts => _programs.Timeouts;

        public FlowCollector Flows { get; }

        public RingBuffer Events { get; }

        public Action<FlowEvent>? OnEvent { get; set; }

        /// <summary>What the images of policies have in common from one to the next.</summary>
        public ImageMemory Images { get; } = new();

        /// <summary>The image that was written last, and what it was tried with.</summary>
        public (PolicyImage? Image, ImmutableArray<Canary> Canaries) Tried { get; set; } = (null, []);

        /// <summary>The copy for trying generations.</summary>
        public Rehearsal Rehearsal => _programs.Rehearsal;

        /// <summary>Whether another version has pins, and may judge where this one does not yet.</summary>
        public bool HasOtherLayouts { get; set; }

        public InterfaceTable Interfaces { get; }

        public KernelTable<uint, DpInterface> FallbackInterfaces { get; }

        public void Dispose()
        {
            Hooks.Dispose();
            Cgroups.Dispose();
            Early.Dispose();
            Xdp.Dispose();
            _forCgroups?.Dispose();
            Events.Dispose();
            Arena.Dispose();
            Marks.Dispose();
            _programs.Dispose();
        }
    }

    /// <summary>
    /// Pins again what somebody unpinned, as by unmounting the bpf file system: until then our descriptors are all that keeps packets judged.
    /// </summary>
    private void KeepPinned(Session session)
    {
        if (options.Time.GetElapsedTime(_lookedAtPins) < LookAtPins)
        {
            return;
        }

        _lookedAtPins = options.Time.GetTimestamp();
        if (!_pins.Exists() && session.Hooks.AreAttached)
        {
            LostPins.PinMaps(_pins, session.Loaded);
            session.Hooks.PinAgain();
            session.Cgroups.PinAgain();
            session.Early.PinAgain();
            session.Xdp.PinAgain();
        }
    }

    private ImmutableArray<string> Warnings() =>
        [
            .. PinsAtRisk.Warnings(options.BpfFileSystem),
            // What nobody wants is no trouble.
            .. options.EarlyReject && _session?.Early.Obstacle is { } obstacle
                ? [$"connections that policy rejects time out instead of being refused at once: {obstacle}"]
                : ImmutableArray<string>.Empty,
            .. _session?.Xdp.Obstacles ?? [],
        ];

    private static TcMechanism MechanismOf(TcHookChoice choice) =>
        choice switch
        {
            TcHookChoice.Auto => TcMechanism.Best,
            TcHookChoice.Tcx => TcMechanism.Tcx,
            TcHookChoice.Clsact => TcMechanism.Clsact,
            _ => throw new UnreachableException($"tc hook {choice}"),
        };

    private Session Open(bool rehearses = false)
    {
        if (_session is not null)
        {
            return _session;
        }

        _pins.Create();
        var session = new Session(options, _pins, _decoder, rehearses);
        try
        {
            session.Arena.Claim(options.Instance, OwnNetworkNamespace.Inode());
            // Whoever died between a change and saying so is said for.
            session.Arena.CountInterfaces();
        }
        catch
        {
            session.Dispose();
            throw;
        }

        return _session = session;
    }

    private void Close()
    {
        _session?.Dispose();
        _session = null;
    }
}
