namespace Datapath.Backends.Ebpf.Image;

/// <summary>Lines of an image that are written together, and that later images take over as long as what they say stays as it is.</summary>
/// <param name="Line">Where they begin, in lines from the first of the image.</param>
/// <param name="Words">What stands there.</param>
internal sealed record ImagePart(int Line, ReadOnlyMemory<uint> Words)
{
    /// <summary>How many.</summary>
    public int Lines => Words.Length / PolicyImage.LineWords;

    /// <summary>The line behind the last one.</summary>
    public int End => Line + Lines;
}
