namespace Datapath.Interop.Libbpf;

/// <summary>The kernel's functions that our programs call.</summary>
/// <remarks>Numbers of <c>___BPF_FUNC_MAPPER</c>, linux/bpf.h.</remarks>
public enum BpfHelper
{
    /// <summary>bpf_map_lookup_elem.</summary>
    MapLookupElem = 1,

    /// <summary>bpf_map_update_elem.</summary>
    MapUpdateElem = 2,

    /// <summary>bpf_map_delete_elem.</summary>
    MapDeleteElem = 3,

    /// <summary>bpf_ktime_get_ns.</summary>
    KtimeGetNs = 5,

    /// <summary>bpf_get_smp_processor_id.</summary>
    GetSmpProcessorId = 8,

    /// <summary>bpf_skb_store_bytes.</summary>
    SkbStoreBytes = 9,

    /// <summary>bpf_l4_csum_replace.</summary>
    L4CsumReplace = 11,

    /// <summary>bpf_get_current_pid_tgid.</summary>
    GetCurrentPidTgid = 14,

    /// <summary>bpf_get_current_uid_gid.</summary>
    GetCurrentUidGid = 15,

    /// <summary>bpf_get_current_comm.</summary>
    GetCurrentComm = 16,

    /// <summary>bpf_redirect.</summary>
    Redirect = 23,

    /// <summary>bpf_skb_load_bytes.</summary>
    SkbLoadBytes = 26,

    /// <summary>bpf_csum_diff.</summary>
    CsumDiff = 28,

    /// <summary>bpf_skb_pull_data.</summary>
    SkbPullData = 39,

    /// <summary>bpf_get_socket_cookie.</summary>
    GetSocketCookie = 46,

    /// <summary>bpf_skb_load_bytes_relative.</summary>
    SkbLoadBytesRelative = 68,

    /// <summary>bpf_skb_cgroup_id.</summary>
    SkbCgroupId = 79,

    /// <summary>bpf_get_current_cgroup_id.</summary>
    GetCurrentCgroupId = 80,

    /// <summary>bpf_skb_ancestor_cgroup_id.</summary>
    SkbAncestorCgroupId = 83,

    /// <summary>bpf_sk_release.</summary>
    SkRelease = 86,

    /// <summary>bpf_map_push_elem.</summary>
    MapPushElem = 87,

    /// <summary>bpf_map_pop_elem.</summary>
    MapPopElem = 88,

    /// <summary>bpf_skc_lookup_tcp.</summary>
    SkcLookupTcp = 99,

    /// <summary>bpf_jiffies64.</summary>
    Jiffies64 = 118,

    /// <summary>bpf_get_netns_cookie.</summary>
    GetNetnsCookie = 122,

    /// <summary>bpf_get_current_ancestor_cgroup_id.</summary>
    GetCurrentAncestorCgroupId = 123,

    /// <summary>bpf_ktime_get_boot_ns.</summary>
    KtimeGetBootNs = 125,

    /// <summary>bpf_ringbuf_reserve.</summary>
    RingbufReserve = 131,

    /// <summary>bpf_ringbuf_submit.</summary>
    RingbufSubmit = 132,

    /// <summary>bpf_ringbuf_query.</summary>
    RingbufQuery = 134,

    /// <summary>bpf_redirect_neigh.</summary>
    RedirectNeigh = 152,
}
