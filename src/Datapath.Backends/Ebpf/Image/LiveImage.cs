namespace Datapath.Backends.Ebpf.Image;

/// <summary>An image that packets are judged by, beside which another one may be written.</summary>
/// <param name="Image">The image, in kernel memory as it was written.</param>
/// <param name="Place">
/// Asked, with about how many lines, where beside it there is room for them, in lines from its first; answers null when there is none.
/// </param>
internal sealed record LiveImage(PolicyImage Image, Func<int, int?> Place);
