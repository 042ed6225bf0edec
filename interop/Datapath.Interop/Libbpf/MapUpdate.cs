namespace Datapath.Interop.Libbpf;

/// <summary>What an update may meet.</summary>
/// <remarks>BPF_ANY, BPF_NOEXIST and BPF_EXIST of linux/bpf.h.</remarks>
public enum MapUpdate
{
    /// <summary>Make the entry or replace it.</summary>
    Any = 0,

    /// <summary>Only make it.</summary>
    OnlyNew = 1,

    /// <summary>Only replace it.</summary>
    OnlyExisting = 2,
}
