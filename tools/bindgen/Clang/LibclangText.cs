using System.Runtime.InteropServices;
using System.Text;

namespace Datapath.Bindgen.Clang;

/// <summary>Strings from clang and to it.</summary>
internal static unsafe class LibclangText
{
    /// <summary>Copies a string and gives it back to clang.</summary>
    internal static string Take(CXString text)
    {
        byte* characters = LibclangApi.clang_getCString(text);
        string copy = characters == null
            ? ""
            : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(characters));
        LibclangApi.clang_disposeString(text);
        return copy;
    }

    /// <summary>A string with its zero byte in unmanaged memory, until <see cref="NativeMemory.Free"/>.</summary>
    internal static byte* Give(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var copy = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }
}
