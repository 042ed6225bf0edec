using System.Diagnostics;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>The word for a form of rows, which <c>status</c> and <c>compile</c> say and programs compare.</summary>
public static class RowFormText
{
    /// <summary>The word.</summary>
    /// <param name="form">The form.</param>
    public static string Of(RowForm form) =>
        form switch
        {
            RowForm.Dense => "dense",
            RowForm.Compressed => "compressed",
            _ => throw new UnreachableException($"row form {form}"),
        };
}
