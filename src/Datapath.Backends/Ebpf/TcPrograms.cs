using System.Runtime.ExceptionServices;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// The programs at tc over the maps of the instance. Each is an object of its own, and what tries generations is another: the verifier takes a
/// third of a second for each, and walks them at the same time.
/// </summary>
internal sealed class TcPrograms : IDisposable
{
    private readonly BpfObject?[] _objects = new BpfObject?[2];
    private readonly EbpfOptions _options;
    private readonly PinDirectory _pins;
    private Rehearsal? _rehearsal;

    /// <summary>Loads the programs.</summary>
    /// <param name="options">Sizes and knobs.</param>
    /// <param name="pins">Where the maps are pinned.</param>
    /// <param name="rehearses">Whether what tries generations is wanted at once; it is loaded when it is first needed otherwise.</param>
    public TcPrograms(EbpfOptions options, PinDirectory pins, bool rehearses)
    {
        (_options, _pins) = (options, pins);
        Beside = SegmentObject.Load(options, pins, out FlowTimeouts timeouts);
        Timeouts = timeouts;
        try
        {
            Parallel.Invoke(
                () => Load(TcDirection.Ingress),
                () => Load(TcDirection.Egress),
                () => _rehearsal = rehearses ? new Rehearsal(SegmentObject.LoadRehearsal(options, pins)) : null
            );
        }
        catch (AggregateException refusals)
        {
            Dispose();
            ExceptionDispatchInfo.Throw(refusals.InnerExceptions[0]);
        }
    }

    /// <summary>The maps, and the clock.</summary>
    public BpfObject Beside { get; }

    /// <summary>When the programs forget a flow.</summary>
    public FlowTimeouts Timeouts { get; }

    /// <summary>What tries generations.</summary>
    public Rehearsal Rehearsal => _rehearsal ??= new Rehearsal(SegmentObject.LoadRehearsal(_options, _pins));

    /// <summary>The program for one direction.</summary>
    /// <param name="direction">Which.</param>
    public BpfProgram For(TcDirection direction) => _objects[(int)direction]!.Program(SegmentObject.ProgramOf(direction));

    /// <inheritdoc/>
    public void Dispose()
    {
        _rehearsal?.Dispose();
        Array.ForEach(_objects, one => one?.Dispose());
        Beside.Dispose();
    }

    private void Load(TcDirection direction) => _objects[(int)direction] = SegmentObject.LoadAtTc(_options, _pins, direction, Beside);
}
