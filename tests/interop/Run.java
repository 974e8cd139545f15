import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

import org.igniterealtime.smack.inttest.AbstractSmackIntTest;
import org.igniterealtime.smack.inttest.Configuration;
import org.igniterealtime.smack.inttest.FailedTest;
import org.igniterealtime.smack.inttest.SmackIntegrationTestFramework;
import org.igniterealtime.smack.inttest.SmackIntegrationTestFramework.ConcreteTest;
import org.igniterealtime.smack.inttest.TestNotPossible;
import org.igniterealtime.smack.inttest.TestResult;
import org.igniterealtime.smack.inttest.annotations.SmackIntegrationTest;
import org.igniterealtime.smack.inttest.annotations.SpecificationReference;

/**
 * Runs the suite to its end, and writes what became of each case, one a line with tabs, to the file that the property
 * "report" names.
 *
 * Some cases throw what the suite takes for a mistake of its own and ends at; here such a case has failed, and the rest
 * follows.
 */
public final class Run {

    private static final String DISABLED = "sinttest.disabledTests";
    private static final Logger LOGGER = Logger.getLogger(SmackIntegrationTestFramework.class.getName());
    private static final String NOTHING_LEFT = "No integration tests selected.";
    private static final int MOST_ENDS = 100;

    public static void main(String[] arguments) throws Exception {
        Set<String> done = new TreeSet<>();
        try (PrintWriter out = new PrintWriter(
                        Files.newBufferedWriter(Path.of(System.getProperty("report")), StandardCharsets.UTF_8), true)) {
            for (int ends = 0; once(out, done); ends++) {
                if (ends == MOST_ENDS) {
                    throw new IllegalStateException("the suite ended early too often");
                }
                System.setProperty(DISABLED, String.join(",", done));
            }
        }
        System.exit(0);
    }

    private static boolean once(PrintWriter out, Set<String> done) throws Exception {
        Begun begun = new Begun();
        Suite suite = new Suite(Configuration.newConfiguration(new String[0]));
        Throwable why = null;
        LOGGER.addHandler(begun);
        try {
            suite.run();
        } catch (Throwable thrown) {
            why = thrown;
        } finally {
            LOGGER.removeHandler(begun);
        }
        if (suite.found() != null) {
            new Report(out, done).write(suite.found());
        }
        if (why == null) {
            return false;
        }
        if (!done.isEmpty() && NOTHING_LEFT.equals(why.getMessage())) {
            return false;
        }
        why.printStackTrace();
        Method culprit = culprit(why);
        if (culprit == null) {
            culprit = begun.last;
        }
        if (culprit == null || !done.add(name(culprit))) {
            throw new IllegalStateException("the suite ended early", why);
        }
        new Report(out, done).line("failed", culprit.getDeclaringClass(), culprit.getName(),
                        culprit.getAnnotation(SmackIntegrationTest.class).section(), 0, String.valueOf(why));
        return true;
    }

    private static Method culprit(Throwable why) {
        for (Throwable cause = why; cause != null; cause = cause.getCause()) {
            for (StackTraceElement frame : cause.getStackTrace()) {
                try {
                    for (Method method : Class.forName(frame.getClassName()).getMethods()) {
                        if (method.getName().equals(frame.getMethodName())
                                        && method.isAnnotationPresent(SmackIntegrationTest.class)) {
                            return method;
                        }
                    }
                } catch (ReflectiveOperationException | LinkageError unknown) {
                    continue;
                }
            }
        }
        return null;
    }

    private static String name(Method method) {
        return method.getDeclaringClass().getSimpleName() + "." + method.getName();
    }

    /** Which case began last: one that fails before its method is called is in no stack trace. */
    private static final class Begun extends Handler {

        private Method last;

        @Override
        public void publish(LogRecord record) {
            ConcreteTest test = SmackIntegrationTestFramework.getTestUnderExecution();
            last = test == null ? last : test.getMethod();
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    }

    private static final class Suite extends SmackIntegrationTestFramework {

        Suite(Configuration configuration) {
            super(configuration);
        }

        TestRunResult found() {
            return testRunResult;
        }
    }

    private static final class Report {

        private final PrintWriter out;
        private final Set<String> done;

        Report(PrintWriter out, Set<String> done) {
            this.out = out;
            this.done = done;
        }

        void write(SmackIntegrationTestFramework.TestRunResult run) {
            for (TestResult passed : run.getSuccessfulTests()) {
                line("passed", passed, "");
            }
            for (FailedTest failed : run.getFailedTests()) {
                line("failed", failed, String.valueOf(failed.failureReason));
            }
            for (TestNotPossible impossible : run.getNotPossibleTests()) {
                line("impossible", impossible, impossible.testNotPossibleException.getMessage());
            }
            for (Map.Entry<Class<? extends AbstractSmackIntTest>, Throwable> whole
                            : run.getImpossibleTestClasses().entrySet()) {
                if (done.add(whole.getKey().getSimpleName())) {
                    line("impossible", whole.getKey(), "*", "", 0, String.valueOf(whole.getValue().getMessage()));
                }
            }
        }

        private void line(String outcome, TestResult result, String why) {
            ConcreteTest test = result.concreteTest;
            String name = test.getMethod().getName();
            if (!test.getSubdescriptons().isEmpty()) {
                name += "(" + String.join(",", test.getSubdescriptons()) + ")";
            }
            done.add(name(test.getMethod()));
            SmackIntegrationTest about = test.getMethod().getAnnotation(SmackIntegrationTest.class);
            line(outcome, test.getMethod().getDeclaringClass(), name, about.section(), result.duration, why);
        }

        void line(String outcome, Class<?> where, String name, String section, long milliseconds, String why) {
            SpecificationReference document = where.getAnnotation(SpecificationReference.class);
            out.println(String.join("\t", outcome, where.getSimpleName(), name,
                            document == null ? "" : document.document(), section, Long.toString(milliseconds),
                            String.valueOf(why).replaceAll("\\s+", " ")));
        }
    }
}
