namespace Datapath.Interop.Libbpf;

/// <summary>What <see cref="TcHook.Attach"/> made.</summary>
/// <param name="Mechanism">The way it took; never <see cref="TcMechanism.Best"/>.</param>
/// <param name="Link">The link of a tcx attachment, to be pinned or kept; null for clsact, whose filter stays by itself.</param>
/// <param name="MadeQdisc">Whether the clsact qdisc is ours. The kernel does not remember; whoever may remove it later must.</param>
public sealed record TcAttachment(TcMechanism Mechanism, BpfLink? Link, bool MadeQdisc) : IDisposable
{
    /// <summary>Closes the link, which detaches it unless it is pinned. A filter of clsact stays.</summary>
    public void Dispose() => Link?.Dispose();
}
