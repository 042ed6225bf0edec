namespace Datapath.Backends.Ebpf.Image;

/// <summary>How the rows of the verdict matrix stand in an image. The numbers are those of <c>enum dp_row_form</c>.</summary>
public enum RowForm
{
    /// <summary>A 16-bit cell for each port class: one read. Grows with rows times port classes, and names 65,535 descriptors.</summary>
    Dense = 0,

    /// <summary>A tree of two levels over the port class, of run-compressed nodes that rows share: at most two. Cells have 31 bits.</summary>
    Compressed = 1,
}
