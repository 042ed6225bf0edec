using System.Runtime.InteropServices;

namespace Datapath.Bindgen.Clang;

/// <summary>Finds libclang, which distributions install under a name with a version.</summary>
internal static class LibclangLocation
{
    private static readonly string[] Directories =
        [.. new[] { "/usr/lib", "/usr/lib64" }.Where(Directory.Exists)];

    /// <summary>The newest libclang of this machine, or null.</summary>
    internal static string? Find() => Candidates().OrderByDescending(Version).ThenBy(path => path, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Answers the runtime's question for a library.</summary>
    internal static nint Resolve(string name)
    {
        if (name != "libclang")
        {
            return 0;
        }

        string path = Find() ?? throw new Model.BindgenException("libclang is not installed (Debian: libclang-14-dev)");
        return NativeLibrary.Load(path);
    }

    private static IEnumerable<string> Candidates()
    {
        foreach (string directory in Directories)
        {
            // LLVM's own directory first: clang's built-in headers are found from there.
            foreach (string llvm in Directory.EnumerateDirectories(directory, "llvm-*"))
            {
                foreach (string file in Files(Path.Combine(llvm, "lib")))
                {
                    yield return file;
                }
            }

            foreach (string file in Files(directory).Concat(Directory.EnumerateDirectories(directory, "*-linux-gnu").SelectMany(Files)))
            {
                yield return file;
            }
        }
    }

    private static IEnumerable<string> Files(string directory) =>
        Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory, "libclang*.so*").Where(file => !file.Contains("clang-cpp", StringComparison.Ordinal))
            : [];

    // "llvm-14/lib/libclang-14.so.1", "libclang-14.so.14.0.6": the first number there is.
    private static int Version(string path)
    {
        string digits = new([.. path.SkipWhile(letter => !char.IsAsciiDigit(letter)).TakeWhile(char.IsAsciiDigit)]);
        return int.TryParse(digits, out int version) && version < 1000 ? version : 0;
    }
}
