using System.Runtime.InteropServices;

namespace Datapath.Interop.Libbpf;

/// <summary>libbpf's object and the log buffer it writes into; both go at once.</summary>
internal sealed unsafe class BpfObjectHandle : SafeHandle
{
    // The most that kernels before 5.2 take. Untouched pages of it cost nothing.
    private const uint LogBytes = uint.MaxValue >> 8;

    private byte* _log;

    internal BpfObjectHandle()
        : base(0, ownsHandle: true)
    {
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0 && _log == null;

    /// <summary>libbpf's pointer.</summary>
    internal bpf_object* Object
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (bpf_object*)handle;
        }
    }

    /// <summary>What the verifier wrote at the last load that failed; empty when it wrote nothing.</summary>
    internal string VerifierLog => Utf8Text.FromPointer(_log);

    /// <summary>Has libbpf read a file image.</summary>
    internal void Open(ReadOnlySpan<byte> elf, string name)
    {
        _log = (byte*)NativeMemory.Alloc(LogBytes);
        _log[0] = 0;
        fixed (byte* image = elf, cName = Utf8Text.ZeroTerminated(name))
        {
            // Level 0: load silently first, and only when that fails again with the log.
            var options = new bpf_object_open_opts
            {
                sz = (nuint)sizeof(bpf_object_open_opts),
                object_name = cName,
                kernel_log_buf = _log,
                kernel_log_size = LogBytes,
                kernel_log_level = 0,
            };
            SetHandle((nint)LibbpfApi.bpf_object__open_mem(image, (nuint)elf.Length, &options));
        }

        if (handle == 0)
        {
            throw new KernelException("open object", name, Marshal.GetLastPInvokeError(), LibbpfMessages.Collected());
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (handle != 0)
        {
            LibbpfApi.bpf_object__close((bpf_object*)handle);
        }

        NativeMemory.Free(_log);
        return true;
    }
}
