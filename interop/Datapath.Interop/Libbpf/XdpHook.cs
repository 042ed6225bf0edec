namespace Datapath.Interop.Libbpf;

/// <summary>The XDP hook of an interface, in the network namespace of the calling thread.</summary>
public static unsafe class XdpHook
{
    // XDP_FLAGS_DRV_MODE of linux/if_link.h.
    private const uint InDriver = 1 << 2;

    /// <summary>Attaches a program in the driver, which need not make a buffer first; never in the place of another one.</summary>
    /// <param name="program">Of the type XDP.</param>
    /// <param name="interfaceIndex">The interface.</param>
    /// <exception cref="KernelException">Refused: EBUSY or EEXIST for a program that is there, EOPNOTSUPP for a driver that cannot.</exception>
    public static BpfLink Attach(BpfProgram program, int interfaceIndex) => BpfLink.Create(program, interfaceIndex, AttachType.Xdp, InDriver);

    /// <summary>The program at the hook, in whichever mode; 0 for none.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public static uint Query(int interfaceIndex)
    {
        var options = new bpf_xdp_query_opts { sz = (nuint)sizeof(bpf_xdp_query_opts) };
        KernelException.Check(LibbpfApi.bpf_xdp_query(interfaceIndex, 0, &options), "ask for XDP of", $"interface {interfaceIndex}");
        return new[] { options.drv_prog_id, options.skb_prog_id, options.hw_prog_id, options.prog_id }.FirstOrDefault(id => id != 0);
    }
}
