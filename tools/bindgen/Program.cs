using Datapath.Bindgen;
using Datapath.Bindgen.Btf;
using Datapath.Bindgen.Clang;
using Datapath.Bindgen.Model;
using Datapath.Bindgen.Writing;
using Datapath.Interop.Btf;

// Without arguments both borders are written. --check compares instead and exits with 1 when something differs;
// --only abi or --only libbpf leaves the other border alone. 2: it could not be done.
bool checks = args.Contains("--check");
string? only = args.SkipWhile(argument => argument != "--only").Skip(1).FirstOrDefault();
try
{
    string repository = FindRepository();
    GeneratedFile[] files =
    [
        .. only is null or "libbpf" ? Libbpf(repository) : [],
        .. only is null or "abi" ? [AbiOf(repository)] : Array.Empty<GeneratedFile>(),
    ];
    return checks ? Check(files, repository) : Write(files, repository);
}
catch (BindgenException problem)
{
    Console.Error.WriteLine($"bindgen: {problem.Message}");
    return 2;
}

static IEnumerable<GeneratedFile> Libbpf(string repository)
{
    BindingList list = BindingList.Read(File.ReadAllText(Path.Combine(repository, "tools/bindgen/libbpf.list")));
    using var unit = new TranslationUnit(list.Includes, []);
    return [.. LibbpfBindings.Generate(list, new HeaderReader(unit), LibbpfBindings.IsExported)];
}

static GeneratedFile AbiOf(string repository)
{
    string path = Path.Combine(repository, AbiMirror.ObjectPath);
    if (!File.Exists(path))
    {
        throw new BindgenException($"there is no {AbiMirror.ObjectPath}: compile it with make -C bpf");
    }

    using var unit = new TranslationUnit(File.ReadAllText(Path.Combine(repository, AbiMirror.HeaderPath)), []);
    BtfTypes types = BtfReader.Read(ElfSection.Find(File.ReadAllBytes(path), ".BTF"));
    return AbiMirror.Generate(types, new HeaderReader(unit));
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
