// Writes the checked-in C# side of both borders; --check compares instead, --only abi or --only libbpf leaves the other border alone.
// --only list writes nothing: it asks whether the library has what the list wants. Exit 0: done, 1: something differs, 2: could not do it.
using System.Runtime.InteropServices;
using Datapath.Bindgen;
using Datapath.Bindgen.Btf;
using Datapath.Bindgen.Clang;
using Datapath.Bindgen.Model;
using Datapath.Bindgen.Writing;
using Datapath.Interop.Btf;

bool checks = args.Contains("--check");
string? only = args.SkipWhile(argument => argument != "--only").Skip(1).FirstOrDefault();
try
{
    string repository = FindRepository();
    if (only == "list")
    {
        CheckList(repository);
        return 0;
    }

    GeneratedFile[] files =
    [
        .. only is null or "libbpf" ? Libbpf(repository) : [],
        .. only is null or "abi" ? [AbiOf(repository)] : Array.Empty<GeneratedFile>(),
    ];
    return checks ? Check(files, repository) : Write(files, repository);
}
catch (BindgenException problem)
{
    // One line each, in the form that MSBuild shows as an error of its own.
    foreach (string line in problem.Message.Split(Environment.NewLine))
    {
        Console.Error.WriteLine($"bindgen : error DPB002: {line}");
    }

    return 2;
}

static IEnumerable<GeneratedFile> Libbpf(string repository)
{
    BindingList list = LibbpfList(repository);
    using var unit = new TranslationUnit(list.Includes, []);
    return
    [
        .. LibraryBindings.Generate(
            BindingTarget.Libbpf,
            list,
            new HeaderReader(unit),
            IsExportedByLibbpf()),
    ];
}

static void CheckList(string repository)
{
    BindingList list = LibbpfList(repository);
    using var unit = new TranslationUnit(list.Includes, []);
    LibraryBindings.Functions(list, new HeaderReader(unit), IsExportedByLibbpf());
}

static BindingList LibbpfList(string repository) => BindingList.Read(File.ReadAllText(Path.Combine(repository, "tools/bindgen/libbpf.list")));

static Predicate<string> IsExportedByLibbpf()
{
    nint library = NativeLibrary.Load("libbpf.so.1");
    return function => NativeLibrary.TryGetExport(library, function, out _);
}

static GeneratedFile AbiOf(string repository)
{
    string compiled = Path.Combine(repository, "bpf/out/segment.bpf.o");
    if (!File.Exists(compiled))
    {
        throw new BindgenException("there is no bpf/out/segment.bpf.o: compile it with make -C bpf");
    }

    using var unit = new TranslationUnit(File.ReadAllText(Path.Combine(repository, "bpf/include/dp_abi.h")), []);
    BtfTypes types = BtfReader.Read(ElfSection.Find(File.ReadAllBytes(compiled), ".BTF"));
    return AbiMirror.Generate(BindingTarget.Abi, types, new HeaderReader(unit));
}

static int Check(GeneratedFile[] files, string repository)
{
    string[] differences = [.. files.Select(file => file.Difference(repository)).OfType<string>()];
    foreach (string difference in differences)
    {
        // The form that MSBuild shows as an error of its own.
        Console.WriteLine($"bindgen : error DPB001: {difference}");
    }

    return differences.Length == 0 ? 0 : 1;
}

static int Write(GeneratedFile[] files, string repository)
{
    foreach (GeneratedFile file in files.Where(file => file.Write(repository)))
    {
        Console.WriteLine($"wrote {file.Path}");
    }

    return 0;
}

static string FindRepository()
{
    const string Mark = "Datapath.sln";
    // From where it was started, or from where it lies: a build starts it in a project's directory.
    foreach (string start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
    {
        for (DirectoryInfo? directory = new(start); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, Mark)))
            {
                return directory.FullName;
            }
        }
    }

    throw new BindgenException($"there is no {Mark} here or above");
}
