using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Clang;

/// <summary>A C source as clang understood it.</summary>
internal sealed unsafe class TranslationUnit : IDisposable
{
    private const uint KeepMacros = 1; // CXTranslationUnit_DetailedPreprocessingRecord
    private const int ErrorSeverity = 3;
    private const int GoOn = 1; // CXChildVisit_Continue

    private readonly void* _index;
    private readonly void* _unit;

    /// <summary>Parses C source that includes headers.</summary>
    /// <param name="source">The text.</param>
    /// <param name="arguments">For the compiler.</param>
    /// <exception cref="BindgenException">It does not compile; the message is clang's.</exception>
    internal TranslationUnit(string source, IReadOnlyList<string> arguments)
    {
        const string Name = "bindgen.c";
        byte* name = LibclangText.Give(Name);
        byte* contents = LibclangText.Give(source);
        var given = new nint[arguments.Count];
        for (int i = 0; i < given.Length; i++)
        {
            given[i] = (nint)LibclangText.Give(arguments[i]);
        }

        _index = LibclangApi.clang_createIndex(0, 0);
        void* unit = null;
        int result;
        var file = new CXUnsavedFile { Name = name, Contents = contents, Length = (nuint)System.Text.Encoding.UTF8.GetByteCount(source) };
        fixed (nint* pointers = given)
        {
            result = LibclangApi.clang_parseTranslationUnit2(
                _index, name, (byte**)pointers, given.Length, &file, 1, KeepMacros, &unit);
        }

        _unit = unit;
        NativeMemory.Free(name);
        NativeMemory.Free(contents);
        Array.ForEach(given, pointer => NativeMemory.Free((void*)pointer));
        string errors = result == 0 ? Errors() : $"libclang gave up with code {result}";
        if (errors.Length > 0)
        {
            Dispose();
            throw new BindgenException($"the headers do not compile:{Environment.NewLine}{errors}");
        }
    }

    /// <summary>The declarations and macros, those of included files too, in their order.</summary>
    internal List<CXCursor> Declarations => Children(LibclangApi.clang_getTranslationUnitCursor(_unit));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_unit != null)
        {
            LibclangApi.clang_disposeTranslationUnit(_unit);
        }

        LibclangApi.clang_disposeIndex(_index);
    }

    /// <summary>What is directly inside a node.</summary>
    internal static List<CXCursor> Children(CXCursor parent)
    {
        var children = new List<CXCursor>();
        GCHandle handle = GCHandle.Alloc(children);
        try
        {
            if (LibclangApi.clang_visitChildren(parent, &Collect, (void*)GCHandle.ToIntPtr(handle)) != 0)
            {
                throw new UnreachableException("the visitor never breaks off");
            }
        }
        finally
        {
            handle.Free();
        }

        return children;
    }

    /// <summary>The words of a node.</summary>
    internal List<string> Words(CXCursor cursor)
    {
        CXToken* tokens = null;
        uint count = 0;
        LibclangApi.clang_tokenize(_unit, LibclangApi.clang_getCursorExtent(cursor), &tokens, &count);
        var words = new List<string>();
        for (uint i = 0; i < count; i++)
        {
            words.Add(LibclangText.Take(LibclangApi.clang_getTokenSpelling(_unit, tokens[i])));
        }

        LibclangApi.clang_disposeTokens(_unit, tokens, count);
        return words;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Collect(CXCursor child, CXCursor parent, void* data)
    {
        ((List<CXCursor>)GCHandle.FromIntPtr((nint)data).Target!).Add(child);
        return GoOn;
    }

    private string Errors()
    {
        var errors = new List<string>();
        for (uint i = 0; i < LibclangApi.clang_getNumDiagnostics(_unit); i++)
        {
            void* diagnostic = LibclangApi.clang_getDiagnostic(_unit, i);
            if (LibclangApi.clang_getDiagnosticSeverity(diagnostic) >= ErrorSeverity)
            {
                errors.Add(LibclangText.Take(LibclangApi.clang_formatDiagnostic(diagnostic, 1)));
            }

            LibclangApi.clang_disposeDiagnostic(diagnostic);
        }

        return string.Join(Environment.NewLine, errors);
    }
}
