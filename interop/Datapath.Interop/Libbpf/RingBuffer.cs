using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Libbpf;

/// <summary>The reading end of a ring buffer map. It has no thread of its own: whoever calls, consumes.</summary>
/// <remarks>One reader at a time, as the kernel's protocol wants; two threads in <see cref="Consume"/> are a bug.</remarks>
public sealed unsafe class RingBuffer : IDisposable
{
    private readonly RecordHandler _handler;
    private readonly RingBufferHandle _handle;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Opens the reading end.</summary>
    /// <param name="map">Of type <see cref="BpfMapType.RingBuffer"/>; stays the caller's.</param>
    /// <param name="handler">Called for each record, on the thread that consumes.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public RingBuffer(BpfMap map, RecordHandler handler)
    {
        _handler = handler;
        _handle = new RingBufferHandle(this);
        using FileDescriptor.Lease fd = map.Descriptor.Borrow();
        try
        {
            _handle.Open(fd.Number, &OnRecord, map.Name);
        }
        catch
        {
            _handle.Dispose();
            throw;
        }
    }

    /// <summary>Takes one record.</summary>
    /// <param name="record">Valid only during the call: the program writes there again afterwards.</param>
    public delegate void RecordHandler(ReadOnlySpan<byte> record);

    /// <summary>Takes what is there, without waiting and whether or not a program asked for a wake-up.</summary>
    /// <returns>Records taken.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    /// <remarks>What the handler throws comes out here; the record it threw at is taken.</remarks>
    public int Consume() => Finish(LibbpfApi.ring_buffer__consume(_handle.Buffer), "consume");

    /// <summary>Waits for a wake-up and takes what is there; records submitted without one wait for <see cref="Consume"/>.</summary>
    /// <param name="timeout">How long; rounded to milliseconds.</param>
    /// <returns>Records taken; 0 when the time ran out.</returns>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public int Poll(TimeSpan timeout)
    {
        int result = LibbpfApi.ring_buffer__poll(_handle.Buffer, (int)timeout.TotalMilliseconds);
        return result == -Errno.Interrupted ? 0 : Finish(result, "poll");
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private int Finish(int result, string operation)
    {
        GC.KeepAlive(this);
        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        failure?.Throw();
        return KernelException.Check(result, operation, "ring buffer");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnRecord(void* context, void* data, nuint size)
    {
        var ring = (RingBuffer)GCHandle.FromIntPtr((nint)context).Target!;
        try
        {
            ring._handler(new ReadOnlySpan<byte>(data, (int)size));
            return 0;
        }
        catch (Exception exception) // nothing may be thrown through libbpf's frames; Finish throws it again
        {
            ring._failure = ExceptionDispatchInfo.Capture(exception);
            return -Errno.Interrupted;
        }
    }
}
